"""Every settings error says what is wrong and, separately, what to do about it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from alphapulse_pipeline.exchange.client_config import client_config
from alphapulse_pipeline.health.doctor.result import Check, Finding, Status, examine
from alphapulse_pipeline.settings.accounts import (
    Account,
    AccountSettings,
    check_account_name,
    read_account,
)
from alphapulse_pipeline.settings.component_file import ACCOUNT
from alphapulse_pipeline.settings.environment import (
    ALERT_WEBHOOK,
    POSTGRES_URL,
    alert_webhook,
    lookup,
    postgres_url,
    trading_server,
)

GOOD = f"type: {ACCOUNT}\nattributes:\n  exchange: bybit\n  history_start: 2026-01-01\n"
MAIN = Account(
    "main", AccountSettings.model_validate({"exchange": "okx", "history_start": "2026-01-01"})
)


def unreadable(patch: pytest.MonkeyPatch, _: Path) -> None:
    def refuse(*_: Any, **__: Any) -> str:
        raise PermissionError(13, "Permission denied")

    patch.setattr(Path, "read_text", refuse)
    lookup("MAIN_API_KEY")


def directory(_: pytest.MonkeyPatch, folder: Path) -> None:
    (folder / ".env").mkdir()
    lookup("MAIN_API_KEY")


def defs(text: str) -> Callable[[pytest.MonkeyPatch, Path], None]:
    """Reads an account file with this text."""

    def read(_: pytest.MonkeyPatch, folder: Path) -> None:
        (folder / "defs" / "main").mkdir(parents=True)
        (folder / "defs" / "main" / "defs.yaml").write_text(text)
        read_account(folder / "defs" / "main" / "defs.yaml")

    return read


def variables(
    read: Callable[[], object], **values: str
) -> Callable[[pytest.MonkeyPatch, Path], None]:
    """Reads settings from these variables."""

    def run(patch: pytest.MonkeyPatch, _: Path) -> None:
        for name, value in values.items():
            patch.setenv(name, value)
        read()

    return run


def config() -> object:
    return client_config(MAIN, "run")


KEYS = {"MAIN_API_KEY": "key", "MAIN_API_SECRET": "secret"}
FILE = "defs/main/defs.yaml"

MESSAGES: dict[str, tuple[Callable[[pytest.MonkeyPatch, Path], None], str, str]] = {
    "unreadable .env": (
        unreadable,
        ".env cannot be read: Permission denied",
        "make it readable: chmod 600 .env",
    ),
    "directory as .env": (
        directory,
        ".env cannot be read: Is a directory",
        "replace it with a text file",
    ),
    "bad YAML": (
        defs(GOOD + "\tx: 1\n"),
        f"{FILE}:5: not valid YAML: found character '\\t' that cannot start any token",
        "correct this line",
    ),
    "unknown field": (
        defs(GOOD + "  snapshot_corn: x\n"),
        f"{FILE}:5: attributes.snapshot_corn: unknown field",
        "did you mean 'snapshot_cron'?",
    ),
    "missing field": (
        defs(f"type: {ACCOUNT}\nattributes: {{exchange: bybit}}\n"),
        f"{FILE}:2: attributes.history_start: missing",
        "add it to the file",
    ),
    "cron": (
        defs(GOOD + "  history_cron: every hour\n"),
        f"{FILE}:5: attributes.history_cron: 'every hour' is not a cron schedule",
        "give five fields, e.g. '*/5 * * * *'",
    ),
    "exchange": (
        defs(GOOD.replace("bybit", "byybit")),
        f"{FILE}:3: attributes.exchange: ccxt has no exchange 'byybit'",
        "did you mean 'bybit'?",
    ),
    "unknown dataset": (
        defs(GOOD + "  datasets: [trade]\n"),
        f"{FILE}:5: attributes.datasets: no dataset 'trade'",
        "did you mean 'trades'?",
    ),
    "strange dataset": (
        defs(GOOD + "  datasets: [candles: 1m]\n"),
        f"{FILE}:5: attributes.datasets.0: Input should be a valid string",
        "correct the value",
    ),
    "first day": (
        defs(GOOD.replace("2026-01-01", "2999-01-01")),
        f"{FILE}:4: attributes.history_start: 2999-01-01 is in the future",
        "use today or an earlier day",
    ),
    "component": (
        defs("attributes: {}\n"),
        f"{FILE}:1: type: missing",
        f"add `type: {ACCOUNT}`",
    ),
    "account name": (
        lambda *_: check_account_name("Main"),
        "account name 'Main' is not valid",
        "rename the folder: lower-case letters, digits and _, starting with a letter",
    ),
    "reserved name": (
        lambda *_: check_account_name("portfolio"),
        "account name 'portfolio' is reserved",
        "rename the folder",
    ),
    "missing variables": (
        variables(config),
        "main: MAIN_API_KEY and MAIN_API_SECRET not set",
        "export a read-only key",
    ),
    "missing passphrase": (
        variables(config, **KEYS),
        "main: MAIN_API_PASSWORD not set, and okx requires the key's passphrase",
        "add it to .env",
    ),
    "bad URL": (
        variables(config, **KEYS, MAIN_API_PASSWORD="p", MAIN_API_URL="localhost:80"),
        "main: MAIN_API_URL is not a valid URL",
        "http://127.0.0.1:8900",
    ),
    "server": (
        variables(lambda: trading_server("MAIN_TESTNET"), MAIN_TESTNET="perhaps"),
        "MAIN_TESTNET is 'perhaps'",
        "set it to true, false or demo",
    ),
    "no database": (
        variables(postgres_url, **{POSTGRES_URL: ""}),
        f"{POSTGRES_URL} is not set",
        "set it to postgresql://user:***@host/database, or use `alphapulse up`",
    ),
    "other database": (
        variables(postgres_url, **{POSTGRES_URL: "mysql://host/db"}),
        f"{POSTGRES_URL} is not a PostgreSQL URL",
        "write it as postgresql://user:***@host/database",
    ),
    "webhook": (
        variables(alert_webhook, **{ALERT_WEBHOOK: "hooks.example.com"}),
        f"{ALERT_WEBHOOK} is not a URL",
        "write it with http:// or https:// at the start",
    ),
}


@pytest.mark.parametrize("case", MESSAGES)
def test_the_doctor_shows_the_problem_and_the_fix(
    case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, problem, fix = MESSAGES[case]
    for name in (*KEYS, "MAIN_API_PASSWORD", "MAIN_API_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)

    def ask(_: None) -> Finding:
        with monkeypatch.context() as patch:
            read(patch, tmp_path)
        raise AssertionError("no error was raised")

    (found,) = examine("", [Check("settings", ask)], None)
    assert found.status is Status.FAILED
    assert found.message.startswith(problem)
    assert fix in found.fix
    assert found.fix not in found.message
