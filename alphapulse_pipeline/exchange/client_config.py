"""An account's client configuration, from its defs.yaml and the environment."""

from urllib.parse import urlsplit

from alphapulse_pipeline.exchange.ccxt_client import ClientConfig
from alphapulse_pipeline.exchange.credentials import check_form
from alphapulse_pipeline.exchange.venues import venue_of
from alphapulse_pipeline.settings.accounts import Account
from alphapulse_pipeline.settings.environment import lookup, rate_share, trading_server
from alphapulse_pipeline.settings.errors import SettingsError


def client_config(account: Account, run_id: str) -> ClientConfig:
    """The account's client configuration; its environment variables are read now.

    Raises `SettingsError` naming the variable that is missing or invalid.
    """
    names = account.environment
    if missing := names.missing():
        raise SettingsError(
            f"{account.name}: {' and '.join(missing)} not set{names.misspelled()}",
            "export a read-only key of this account, or add it to .env",
        )
    key, secret = lookup(names.api_key), lookup(names.api_secret)
    check_form(account.settings.exchange, names, key, secret)
    venue = venue_of(account.settings.exchange)
    if venue.needs_password and not lookup(names.api_password):
        raise SettingsError(
            f"{account.name}: {names.api_password} not set, and {account.settings.exchange} "
            "requires the key's passphrase",
            "export it, or add it to .env",
        )
    url = lookup(names.api_url)
    if url and not _is_url(url):
        raise SettingsError(
            f"{account.name}: {names.api_url} is not a valid URL",
            "write it as http://127.0.0.1:8900 or https://gateway.example.com",
        )
    return ClientConfig(
        names,
        account.settings.exchange,
        key,
        secret,
        lookup(names.api_password),
        api_url=url,
        server=trading_server(names.testnet),
        options=account.settings.options,
        settings=venue.settings,
        charged=venue.charged,
        rate_share=rate_share(),
        run_id=run_id,
    )


def _is_url(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # the port is not a number
        return False
