"""What ccxt's unified methods get wrong, by exchange: each file corrects one derived venue."""

from collections.abc import Callable, Mapping

from alphapulse_pipeline.exchange.venues.corrections import (
    bitfinex,
    bitstamp,
    deribit,
    hyperliquid,
    krakenfutures,
)
from alphapulse_pipeline.exchange.venues.venue import Venue

CORRECTIONS: Mapping[str, Callable[[Venue], Venue]] = {
    "bitfinex": bitfinex.corrected,
    "bitstamp": bitstamp.corrected,
    "deribit": deribit.corrected,
    "hyperliquid": hyperliquid.corrected,
    "krakenfutures": krakenfutures.corrected,
}

__all__ = ["CORRECTIONS"]
