"""What is specific to each exchange: as little as possible, as data where possible."""

from dataclasses import replace

from alphapulse_pipeline.exchange.venues.binance import BINANCE
from alphapulse_pipeline.exchange.venues.bybit import BYBIT
from alphapulse_pipeline.exchange.venues.generic import generic
from alphapulse_pipeline.exchange.venues.kraken import KRAKEN
from alphapulse_pipeline.exchange.venues.okx import OKX
from alphapulse_pipeline.exchange.venues.venue import Source, Venue, Wallet

VENUES: dict[str, Venue] = {
    "binance": BINANCE,
    "bybit": BYBIT,
    "kraken": KRAKEN,
    "okx": OKX,
    # the same API on the hosts of other regions, with keys of their own; without Bybit's totals
    "bybiteu": replace(BYBIT, books=None),
    "bybitid": replace(BYBIT, books=None),
    "myokx": OKX,
    "okxus": OKX,
}


def venue_of(exchange: str) -> Venue:
    """The venue of an exchange: its own file, or a generic one derived from ccxt."""
    return VENUES.get(exchange) or generic(exchange)


__all__ = ["VENUES", "Source", "Venue", "Wallet", "venue_of"]
