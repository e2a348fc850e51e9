"""How requests are limited: how fast time passes for the limits, and who else uses the address."""

from dataclasses import dataclass
from typing import Literal

Tier = Literal["starter", "intermediate", "pro"]


@dataclass(frozen=True, slots=True)
class Traffic:
    others: float = 0.0
    """The share of every Binance limit per IP address that a different client at the same address
    uses, evenly over the minute."""
    speed: float = 1.0
    """How many times faster than real time the windows of the limits pass."""
    kraken_tier: Tier = "starter"
    """The account's verification tier, on which Kraken's call counter depends."""
