"""The type of account that a key belongs to, for exchanges with several types."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from alphapulse_pipeline.exchange.feed import Caller


@dataclass(frozen=True)
class AccountType:
    """`problem`: what is not read from such an account; empty if everything is."""

    name: str
    problem: str = ""
    fix: str = ""
    rest_is_read: bool = False
    """Whether the datasets succeed without what is not read."""


AskAccountType = Callable[[Caller], Awaitable[AccountType]]
"""Requests the account type. Raises what ccxt raises."""
