"""How an account's exchange is reached: its file and the environment, read when they are needed."""

from urllib.parse import urlsplit

from alphapulse_pipeline.exchange.ccxt_client import ClientConfig
from alphapulse_pipeline.exchange.venues import venue_of
from alphapulse_pipeline.settings.accounts import Account
from alphapulse_pipeline.settings.environment import flag, lookup
from alphapulse_pipeline.settings.errors import SettingsError


def client_config(account: Account, run_id: str) -> ClientConfig:
    """How the account is reached, its variables looked up now.

    Raises `SettingsError` naming the variable that is missing or wrong.
    """
    names = account.environment
    if missing := names.missing():
        raise SettingsError(
            f"{account.name}: {' and '.join(missing)} not set: export a read-only key of this "
            "account or write it into .env"
        )
    venue = venue_of(account.settings.exchange)
    if venue.needs_password and not lookup(names.api_password):
        raise SettingsError(
            f"{account.name}: {names.api_password} not set: {account.settings.exchange} gives a "
            "key a passphrase as well; export it or write it into .env"
        )
    url = lookup(names.api_url)
    if url and not _leads_somewhere(url):
        raise SettingsError(
            f"{names.api_url} is no address of a server: write it as http://127.0.0.1:8900 or "
            "https://gateway.example.com"
        )
    return ClientConfig(
        names,
        account.settings.exchange,
        lookup(names.api_key),
        lookup(names.api_secret),
        lookup(names.api_password),
        api_url=url,
        testnet=flag(names.testnet),
        options=account.settings.options,
        settings=venue.settings,
        costs=venue.costs,
        run_id=run_id,
    )


def _leads_somewhere(url: str) -> bool:
    try:
        there = urlsplit(url)
        return there.scheme in ("http", "https") and bool(there.hostname) and there.port != 0
    except ValueError:  # a port that is no number
        return False
