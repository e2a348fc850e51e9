"""The environment: names, flags, and no secret in any text."""

from pathlib import Path

import pytest

from alphapulse_pipeline.settings.environment import (
    POSTGRES_URL,
    AccountEnvironment,
    SettingsError,
    flag,
    home,
    postgres_url,
    read_dotenv,
)
from alphapulse_pipeline.settings.redaction import redact


def test_what_is_exported_wins_over_dotenv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MAIN_API_KEY", "exported")
    monkeypatch.setenv("MAIN_API_SECRET", "")  # so that it is put back after the test
    monkeypatch.delenv("MAIN_API_SECRET")
    (tmp_path / ".env").write_text("MAIN_API_KEY=written\nMAIN_API_SECRET=written\n")
    names = AccountEnvironment("main")
    assert names.missing() == ["MAIN_API_SECRET"]
    read_dotenv()
    assert names.missing() == []
    assert redact("exported written") == "*** ***"


@pytest.mark.parametrize(("value", "meant"), [("true", True), ("0", False), ("", False)])
def test_flags(monkeypatch: pytest.MonkeyPatch, value: str, meant: bool) -> None:
    monkeypatch.setenv("MAIN_TESTNET", value)
    assert flag("MAIN_TESTNET") is meant


def test_a_flag_that_is_neither(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAIN_TESTNET", "perhaps")
    with pytest.raises(SettingsError, match="MAIN_TESTNET is 'perhaps': set it to true or false"):
        flag("MAIN_TESTNET")


@pytest.mark.parametrize("url", ["", "mysql://host/db"])
def test_a_database_that_cannot_be(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
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
    ],
)
def test_secrets_are_masked(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("MAIN_API_KEY", "k+y/1234")
    monkeypatch.setenv("MAIN_API_SECRET", "-----BEGIN\nabcdef0123456789")
    monkeypatch.setenv(POSTGRES_URL, "postgresql://user:hunter2%3A@host/db")
    redacted = redact(text)
    assert redacted != text
    for secret in ("k+y/1234", "k%2By", "abcdef0123456789", "hunter2"):
        assert secret not in redacted


def test_ordinary_words_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAIN_API_KEY", "a")
    text = "bybit GET https://api.bybit.com/v5/account/info 503 Service Unavailable; a trade"
    assert redact(text) == text
