"""Credentials whose form shows a mistake, before anything is sent.

Sources: hyperliquid.gitbook.io/hyperliquid-docs/for-developers/api/info-endpoint (a user is an
address), docs.gemini.com/authentication/api-key (master and account keys),
docs.cdp.coinbase.com/coinbase-app/authentication-authorization/api-key-authentication; undated.
"""

import re

from alphapulse_pipeline.settings.environment import AccountEnvironment
from alphapulse_pipeline.settings.errors import SettingsError

_ADDRESS = re.compile("0x[0-9a-fA-F]{40}")


def check_form(exchange: str, names: AccountEnvironment, key: str, secret: str) -> None:
    """Raises `SettingsError` if a key or secret cannot be what the exchange expects."""
    match exchange:
        case "hyperliquid" if not _ADDRESS.fullmatch(key):
            raise SettingsError(
                f"{names.account}: {names.api_key} is not an account's address",
                "set it to the address, 0x and 40 digits; a private key is never needed, so if "
                "this is one, remove it",
            )
        case "gemini" if key.startswith("master-"):
            raise SettingsError(
                f"{names.account}: {names.api_key} is a master key, which belongs to a group of "
                "accounts",
                "create a key of the account itself with the role Auditor: it begins with account-",
            )
        case "coinbase" if key.startswith("organizations/") and not _is_pem(secret):
            raise SettingsError(
                f"{names.account}: {names.api_secret} is not the private key that belongs to "
                f"{names.api_key}",
                "copy it whole, its first and last line included, in one line with \\n for "
                "line ends",
            )


def _is_pem(secret: str) -> bool:
    lines = secret.strip().splitlines()
    return len(lines) > 2 and "BEGIN" in lines[0] and "END" in lines[-1]
