"""What is particular to an exchange: as little as possible, as data where possible."""

from alphapulse_pipeline.exchange.venues.bybit import BYBIT
from alphapulse_pipeline.exchange.venues.venue import Source, Venue, Wallet

VENUES: dict[str, Venue] = {"bybit": BYBIT}


def venue_of(exchange: str) -> Venue:
    """How an exchange is read."""
    return VENUES[exchange]


__all__ = ["BYBIT", "VENUES", "Source", "Venue", "Wallet", "venue_of"]
