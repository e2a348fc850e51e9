"""Credentials of exchanges whose keys have a form of their own."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from alphapulse_pipeline.exchange.ccxt_client import build
from alphapulse_pipeline.exchange.client_config import client_config
from alphapulse_pipeline.settings.accounts import Account
from alphapulse_pipeline.settings.environment import DOTENV, secrets
from alphapulse_pipeline.settings.errors import SettingsError

Make = Callable[..., Account]
KEY = "organizations/1111/apiKeys/2222"
ADDRESS = "0x" + "aB" * 20


def pem() -> str:
    made = ec.generate_private_key(ec.SECP256R1())
    return made.private_bytes(
        Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()
    ).decode()


def account(
    make: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, exchange: str, dotenv: str
) -> Account:
    """An account whose key and secret are in `.env` only."""
    made = make("http://127.0.0.1:9", "main", exchange=exchange, options={})
    for name in (made.environment.api_key, made.environment.api_secret):
        monkeypatch.delenv(name)
    (tmp_path / ".env").write_text(dotenv)
    monkeypatch.setenv(DOTENV, str(tmp_path / ".env"))
    return made


@pytest.mark.parametrize("form", ["{}", "'{}'", '"{}"', "lines"])
def test_a_pem_key_may_be_written_in_any_form(
    form: str, make_account: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    secret = pem()
    one_line = secret.replace("\n", "\\n")
    written = f'"{secret}"' if form == "lines" else form.format(one_line)
    text = f"MAIN_API_KEY={KEY}\nMAIN_API_SECRET={written}\n"
    made = account(make_account, monkeypatch, tmp_path, "coinbase", text)
    config = client_config(made, "run")
    assert config.api_secret.strip() == secret.strip()
    signed = build(config).sign("brokerage/accounts", ["v3", "private"])
    assert signed["headers"]["Authorization"].startswith("Bearer ey")
    assert {config.api_secret, KEY} <= secrets()


CASES: dict[str, tuple[str, dict[str, Any], str]] = {
    "a cut PEM": ("coinbase", {"KEY": KEY, "SECRET": "-----BEGIN EC PRIVATE KEY-----"}, "whole"),
    "a private key": ("hyperliquid", {"KEY": "0x" + "1" * 64}, "a private key is never needed"),
    "an API key": ("hyperliquid", {"KEY": "abcdef"}, "0x and 40 digits"),
    "a master key": ("gemini", {"KEY": "master-abc", "SECRET": "x"}, "begins with account-"),
}


@pytest.mark.parametrize("case", CASES)
def test_a_mistaken_credential_is_explained_before_anything_is_sent(
    case: str, make_account: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    exchange, values, words = CASES[case]
    text = "".join(f"MAIN_API_{name}={value}\n" for name, value in values.items())
    made = account(make_account, monkeypatch, tmp_path, exchange, text)
    with pytest.raises(SettingsError) as raised:
        client_config(made, "run")
    assert words in str(raised.value)
    assert not [v for v in values.values() if len(v) > 2 and v in str(raised.value)]


def test_hyperliquid_needs_an_address_and_no_secret(
    make_account: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    text = f"MAIN_API_KEY={ADDRESS}\n"
    made = account(make_account, monkeypatch, tmp_path, "hyperliquid", text)
    assert made.environment.missing() == []
    exchange = build(client_config(made, "run"))
    assert exchange.walletAddress == ADDRESS
    assert not exchange.privateKey
