"""The products that an account has: each wallet is opened by its user, or never.

And the wallets and lists that are not for every account or key, such as those of main accounts
only.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from alphapulse_pipeline.exchange.feed import Caller


@dataclass(frozen=True)
class Products:
    """The wallets that are not read: wallet -> why, in the exchange's words.

    A wallet that the exchange does not mention counts as opened, so that it is read.
    """

    never_opened: Mapping[str, str] = field(default_factory=dict)
    closed: Mapping[str, str] = field(default_factory=dict)
    """Those that are in use, or may once have been, and whose lists the account may not read."""

    @property
    def not_read(self) -> Mapping[str, str]:
        return {**self.never_opened, **self.closed}


AskProducts = Callable[[Caller], Awaitable[Products]]
"""Requests which wallets the account never opened, and which are closed to it."""

AskClosedStreams = Callable[[Caller], Awaitable[Mapping[tuple[str, str], str]]]
"""Requests which streams this account or key may not read: (dataset, stream) -> why.

A stream that is not mentioned is read, and its endpoint may still refuse.
"""
