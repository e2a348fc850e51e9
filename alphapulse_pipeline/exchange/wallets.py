"""Requests the balances of a wallet."""

from typing import Any

from alphapulse_pipeline.exchange.client import ExchangeClient
from alphapulse_pipeline.exchange.venues.venue import Wallet


async def fetch_balance(client: ExchangeClient, wallet: Wallet) -> Any:
    """ccxt's structure of the balances; of a wallet that is read from lists, their rows by method
    in `info` and nothing else. Raises what ccxt raises, `Incomplete` and `Unreadable`."""
    if not wallet.lists:
        return await client.ccxt.fetch_balance(dict(wallet.params))
    return {"info": {feed.method: await feed.everything(client.request) for feed in wallet.lists}}
