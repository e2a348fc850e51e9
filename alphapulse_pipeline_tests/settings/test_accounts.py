"""A mistake in an account's file is one line: file, line, field and fix."""

import re
import tempfile
from contextlib import suppress
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from alphapulse_pipeline.components.postgres import IO_MANAGER
from alphapulse_pipeline.datasets import DATASETS
from alphapulse_pipeline.settings.accounts import (
    AccountSettings,
    check_account_name,
    exchanges,
    read_account,
)
from alphapulse_pipeline.settings.component_file import ACCOUNT
from alphapulse_pipeline.settings.errors import SettingsError

GOOD = f"""\
type: {ACCOUNT}

attributes:
  exchange: bybit
  history_start: 2026-01-01
"""


def account(folder: Path, text: str | bytes, name: str = "main", file: str = "defs.yaml") -> None:
    (folder / name).mkdir()
    path = folder / name / file
    path.write_bytes(text.encode() if isinstance(text, str) else text)


def test_a_good_file_has_all_defaults(tmp_path: Path) -> None:
    account(tmp_path, GOOD)
    found = read_account(tmp_path / "main" / "defs.yaml")
    assert found is not None
    assert found.name == "main"
    assert found.datasets == tuple(DATASETS)
    assert found.environment.api_key == "MAIN_API_KEY"
    assert not found.settings.allow_trading_keys
    assert not found.settings.allow_unknown_rights


def test_other_components_are_no_accounts(tmp_path: Path) -> None:
    account(tmp_path, "type: dagster.DefsFolderComponent\n")
    assert read_account(tmp_path / "main" / "defs.yaml") is None


@pytest.mark.parametrize("file", ["defs.yml", "def.yaml"])
def test_an_account_in_a_file_that_dagster_does_not_read_is_reported(
    tmp_path: Path, file: str
) -> None:
    account(tmp_path, GOOD, file=file)
    with pytest.raises(
        SettingsError, match=rf"{file}: .* does not read .*; rename it to defs\.yaml"
    ):
        read_account(tmp_path / "main" / "defs.yaml")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            GOOD + "  snapshot_corn: '* * * * *'\n",
            ":6: attributes.snapshot_corn: unknown field; did you mean 'snapshot_cron'?",
        ),
        (
            GOOD.replace("bybit", "byybit"),
            ":4: attributes.exchange: ccxt has no exchange 'byybit'; did you mean 'bybit'?",
        ),
        (
            GOOD + "  datasets: [balances, trade]\n",
            ":6: attributes.datasets: no dataset 'trade'; did you mean 'trades'?",
        ),
        (
            GOOD + "  datasets: []\n",
            ":6: attributes.datasets: the list is empty; name at least one",
        ),
        (
            GOOD + "  history_cron: every hour\n",
            ":6: attributes.history_cron: 'every hour' is not a cron schedule; give five fields",
        ),
        (
            GOOD + "  history_cron: '61 * * * *'\n",
            ":6: attributes.history_cron: '61 * * * *' is not a cron schedule: ",
        ),
        (
            GOOD + "  history_cron: '0 0 30 2 *'\n",
            ":6: attributes.history_cron: '0 0 30 2 *' is not a cron schedule: ",
        ),
        (
            GOOD.replace("2026-01-01", "2026-13-01"),
            ":5: attributes.history_start: ",
        ),
        (
            GOOD.replace("2026-01-01", "2999-01-01"),
            ":5: attributes.history_start: 2999-01-01 is in the future",
        ),
        (GOOD.replace("2026-01-01", "soon"), "write a day as 2026-01-31"),
        (
            GOOD.replace("  history_start: 2026-01-01\n", ""),
            ":3: attributes.history_start: missing; add it to the file",
        ),
        (
            GOOD.replace("attributes:", "atributes:"),
            ":3: atributes: unknown field; did you mean 'attributes'?",
        ),
        (
            GOOD + "  options: {apiKey: '{{ env.BYBIT_API_KEY }}'}\n",
            ":6: templates are not supported; write the value out",
        ),
        (GOOD + "  snapshot_cron: */5 * * * *\n", 'write it in quotes: "*/5 * * * *"'),
        (GOOD + "\tx: 1\n", ":6: not valid YAML: "),
        (GOOD.encode() + b"  x: \xff\xfe\n", ":1: not UTF-8 text; save the file as UTF-8"),
        (
            GOOD + "  options: &a [x]\n  datasets: *a\n",
            ":7: *a: aliases are not supported; write the value out",
        ),
        (
            GOOD + "  options: {a: !!python/object/apply:os.system [id]}\n",
            ":6: not valid YAML: could not determine a constructor for the tag",
        ),
        (GOOD + "  options: " + "[" * 20_000, ":1: not valid YAML: nested too deeply"),
        (GOOD + "  options: {a: " + "9" * 5000 + "}\n", ":1: not valid YAML: Exceeds the limit"),
        ("just a sentence\n", ":1: type: missing; add `type: "),
        ("", ":1: type: missing; add `type: "),
        (
            GOOD.replace("ExchangeAccount", "ExchangeAcount"),
            f":1: type: no component 'alphapulse_pipeline.components.ExchangeAcount'; "
            f"did you mean '{ACCOUNT}'?",
        ),
    ],
)
def test_a_mistake_is_one_line(tmp_path: Path, text: str | bytes, sentence: str) -> None:
    account(tmp_path, text)
    with pytest.raises(SettingsError) as raised:
        read_account(tmp_path / "main" / "defs.yaml")
    message = str(raised.value)
    assert message.startswith(f"{tmp_path}/main/defs.yaml:")
    assert sentence in message
    assert "\n" not in message
    assert raised.value.fix


@pytest.mark.parametrize(
    "name", ["Main", "2nd", "a-b", "portfolio", "snapshots", "io_manager", IO_MANAGER]
)
def test_an_invalid_account_name(tmp_path: Path, name: str) -> None:
    account(tmp_path, GOOD, name)
    with pytest.raises(SettingsError, match=rf"/{name}/defs.yaml:1: account name '{name}'"):
        read_account(tmp_path / name / "defs.yaml")


HOSTILE = st.text() | st.sampled_from(
    ["'; DROP TABLE alphapulse.trades; --", "%s", "%(account)s", "{}", "a\n", "\0", "x" * 10_000]
)


@given(HOSTILE)
def test_a_name_is_letters_and_digits_or_refused(name: str) -> None:
    with suppress(SettingsError):
        check_account_name(name)
        assert re.fullmatch("[a-z][a-z0-9_]*", name)


@given(field=st.sampled_from(sorted(AccountSettings.model_fields)), value=HOSTILE)
def test_whatever_a_field_holds_is_good_or_one_sentence(field: str, value: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        written = {"exchange": "bybit", "history_start": "2026-01-01", field: value}
        account(Path(folder), yaml.safe_dump({"type": ACCOUNT, "attributes": written}))
        message = ""
        try:
            read_account(Path(folder) / "main" / "defs.yaml")
        except SettingsError as error:
            message = str(error)
    assert "\n" not in message


def test_the_installed_exchanges_are_known_without_ccxt() -> None:
    assert {"bybit", "binance", "okx", "kraken"} <= set(exchanges())
    assert "__init__" not in exchanges()
