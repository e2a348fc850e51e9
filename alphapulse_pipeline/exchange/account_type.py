"""What kind of account a key belongs to, where an exchange has several."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from alphapulse_pipeline.exchange.feed import Caller


@dataclass(frozen=True)
class AccountType:
    """`trouble`: what of such an account is not read; empty where all of it is."""

    name: str
    trouble: str = ""
    mend: str = ""


AskType = Callable[[Caller], Awaitable[AccountType]]
"""Asks the exchange; raises what ccxt raises."""
