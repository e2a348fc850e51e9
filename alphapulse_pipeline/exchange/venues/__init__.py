"""What is particular to an exchange: as little as possible, as data where possible."""

from alphapulse_pipeline.exchange.venues.bybit import BYBIT
from alphapulse_pipeline.exchange.venues.venue import Venue, Wallet

VENUES: dict[str, Venue] = {"bybit": BYBIT}

__all__ = ["BYBIT", "VENUES", "Venue", "Wallet"]
