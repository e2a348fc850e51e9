"""The environment: names, flags, and no secret in any text."""

import base64
import json
import os
import traceback
from collections.abc import Callable
from html import escape
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphapulse_pipeline.settings.environment import (
    HOME,
    POSTGRES_URL,
    RATE_SHARE,
    AccountEnvironment,
    dotenv_is_open,
    home,
    lookup,
    postgres_url,
    rate_share,
    read_dotenv,
    trading_server,
)
from alphapulse_pipeline.settings.errors import SettingsError
from alphapulse_pipeline.settings.redaction import redact, remember_signatures, without_secrets


def test_a_misspelled_variable_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text("KRAKEN_API_KEY=k\nKRAKEN_API_SECRT=s\nOTHER_API_SECRT=o\n")
    names = AccountEnvironment("kraken")
    assert names.misspelled() == " (KRAKEN_API_SECRT is set: did you mean KRAKEN_API_SECRET?)"
    monkeypatch.setenv("KRAKEN_API_SECRET", "s")
    assert names.misspelled() == ""


def test_what_is_exported_wins_over_dotenv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MAIN_API_KEY", "exported")
    monkeypatch.setenv("MAIN_API_PASSWORD", "")
    monkeypatch.setenv(HOME, "exported")
    names = AccountEnvironment("main")
    assert names.missing() == ["MAIN_API_SECRET"]
    (tmp_path / ".env").write_text(
        "MAIN_API_KEY=written\nMAIN_API_SECRET=written\nMAIN_API_PASSWORD=written\n"
        f"{HOME}=written\n"
    )
    assert names.missing() == []
    assert [lookup(n) for n in (names.api_key, names.api_secret)] == ["exported", "written"]
    assert lookup(names.api_password) == "", "what is exported empty is exported"
    read_dotenv()
    assert os.environ[HOME] == "exported"


def test_only_our_own_variables_are_taken_from_dotenv(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("LD_PRELOAD", "PYTHONPATH", "ALPHAPULSE_TEST", "PGSSLMODE"):
        monkeypatch.delenv(name, raising=False)
    Path(".env").write_text(
        "LD_PRELOAD=/tmp/evil.so\nPYTHONPATH=/tmp\nALPHAPULSE_TEST='${HOME}'\nPGSSLMODE=require\n"
    )
    read_dotenv()
    taken = {name: os.environ.get(name) for name in ("LD_PRELOAD", "PYTHONPATH", "PGSSLMODE")}
    assert taken == {"LD_PRELOAD": None, "PYTHONPATH": None, "PGSSLMODE": "require"}
    assert os.environ["ALPHAPULSE_TEST"] == "${HOME}"


def test_dotenv_is_read_when_a_variable_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / ".env"
    file.write_text("MAIN_API_SECRET=the-first\nMAIN_TESTNET=true\n")
    read_dotenv()
    assert lookup("MAIN_API_SECRET") == "the-first"
    assert trading_server("MAIN_TESTNET") == "testnet"
    file.write_text("MAIN_API_SECRET=the-second\n")
    assert lookup("MAIN_API_SECRET") == "the-second"
    assert trading_server("MAIN_TESTNET") == "live"
    file.unlink()
    assert lookup("MAIN_API_SECRET") == ""
    assert not [name for name in os.environ if name.startswith("MAIN_")]
    assert redact("the-first, the-second") == "***, ***", "what was replaced is masked as well"


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"A=\xff", "not UTF-8 text"), (b"A=b\0c", "NUL byte"), (None, "cannot be read")],
)
def test_a_dotenv_that_cannot_be_read_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes | None, words: str
) -> None:
    monkeypatch.chdir(tmp_path)
    if content is None:
        (tmp_path / ".env").mkdir()
    else:
        (tmp_path / ".env").write_bytes(content)
    with pytest.raises(SettingsError, match=rf"\.env .*{words}") as caught:
        lookup("MAIN_API_KEY")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("mode", "is_open"),
    [(0o600, False), (0o400, False), (0o640, True), (0o604, True), (0o602, True)],
)
def test_a_dotenv_that_others_can_read_or_write_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: int, is_open: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    assert not dotenv_is_open()
    (tmp_path / ".env").touch()
    (tmp_path / ".env").chmod(mode)
    assert dotenv_is_open() is is_open


@pytest.mark.parametrize(
    ("value", "server"),
    [
        ("", "live"),
        ("false", "live"),
        ("0", "live"),
        ("true", "testnet"),
        ("demo", "demo"),
        (" Demo ", "demo"),
    ],
)
def test_servers(monkeypatch: pytest.MonkeyPatch, value: str, server: str) -> None:
    monkeypatch.setenv("MAIN_TESTNET", value)
    assert trading_server("MAIN_TESTNET") == server


def test_a_server_that_does_not_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAIN_TESTNET", "paper")
    with pytest.raises(SettingsError, match="is 'paper'; set it to true, false or demo"):
        trading_server("MAIN_TESTNET")


@pytest.mark.parametrize(("value", "share"), [("", 0.5), (" 0.9 ", 0.9), ("1", 1)])
def test_the_share_of_the_rate_limits(
    monkeypatch: pytest.MonkeyPatch, value: str, share: float
) -> None:
    monkeypatch.setenv(RATE_SHARE, value)
    assert rate_share() == share


@pytest.mark.parametrize("value", ["half", "0", "-1", "1.01", "nan", "50%"])
def test_a_share_that_is_none(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv(RATE_SHARE, value)
    with pytest.raises(SettingsError, match=f"{RATE_SHARE} is '{value}'; set it to a number"):
        rate_share()


@pytest.mark.parametrize("url", ["", "mysql://host/db"])
def test_a_database_url_that_is_missing_or_wrong(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv(POSTGRES_URL, url)
    with pytest.raises(SettingsError, match=f"{POSTGRES_URL} .*postgresql://"):
        postgres_url()


def test_home_is_where_it_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ALPHAPULSE_HOME", str(tmp_path))
    assert home() == tmp_path


@pytest.mark.parametrize(
    "text",
    [
        "key k+y/1234 secret",
        "https://api.bybit.com/v5?api_key=k%2By%2F1234",
        "GET https://api.binance.com/api/v3/account?timestamp=1&signature=abcdef0123456789 503",
        "'X-BAPI-SIGN': 'abcdef0123456789'",
        "postgresql://user:hunter22@host/db",
        'the secret is {"secret": "-----BEGIN\\nabcdef0123456789"}',
        "the password hunter2: is in ALPHAPULSE_POSTGRES_URL",
        "PGPASSWORD=hunter2hunter2",
    ],
)
def test_secrets_are_masked(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("MAIN_API_KEY", "k+y/1234")
    monkeypatch.setenv("MAIN_API_SECRET", "-----BEGIN\nabcdef0123456789")
    monkeypatch.setenv(POSTGRES_URL, "postgresql://user:hunter2%3A@host/db?password=1hunter2")
    monkeypatch.setenv("PGPASSWORD", "hunter2hunter2")
    redacted = redact(text)
    assert redacted != text
    for secret in ("k+y/1234", "k%2By", "abcdef0123456789", "hunter2"):
        assert secret not in redacted


def as_text_of_json(text: str) -> str:
    return json.dumps({"request": text})


def with_escaped_slashes(text: str) -> str:
    return json.dumps(text).replace("/", "\\/")


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def encoded_with_more_behind(text: str) -> str:
    return encoded(text + ":and more")


WRITTEN = (
    str,
    repr,
    quote,
    quote_plus,
    escape,
    as_text_of_json,
    with_escaped_slashes,
    encoded,
    encoded_with_more_behind,
)


@pytest.mark.parametrize("written", WRITTEN)
@given(st.text([chr(n) for n in range(32, 127)] + ["\n"], min_size=6, max_size=90))
def test_a_secret_is_masked_however_it_is_written(
    written: Callable[[str], str], secret: str
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MAIN_API_SECRET", secret)
        shown = written(secret)
        redacted = redact(f"before {shown} after")
    assert "***" in redacted
    assert shown not in redacted


def test_the_signatures_of_the_last_requests_are_masked() -> None:
    remember_signatures(["c2lnbmVk/with+a/key=="])
    assert redact("refused: c2lnbmVk/with+a/key==, c2lnbmVk%2Fwith%2Ba%2Fkey%3D%3D") == (
        "refused: ***, ***"
    )


def test_an_error_and_all_that_it_came_from_lose_their_secrets(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MAIN_API_SECRET", "hunter2hunter2")
    secret = "hunter2hunter2"
    key, value = KeyError(secret), ValueError({"sent": [secret]}, 7)
    group = ExceptionGroup("several", [OSError(2, secret)])
    value.__context__, group.__cause__ = key, value
    assert secret in "".join(traceback.format_exception(group))
    without_secrets(group)
    shown = "".join(traceback.format_exception(group))
    assert secret not in shown
    assert value.args == ("{'sent': ['***']}", 7)


def test_a_redacted_message_can_be_printed_and_stored() -> None:
    assert redact("a\x00b\x1b[2Jc\ud800d\te\nf") == "a?b?[2Jc?d\te\nf"


def test_ordinary_words_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAIN_API_KEY", "a")
    text = "bybit GET https://api.bybit.com/v5/account/info 503 Service Unavailable; a trade"
    assert redact(text) == text
