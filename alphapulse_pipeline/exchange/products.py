"""The products that an account has: each wallet is opened by its user, or never.

And the lists that are not for every account or key, such as those of main accounts only.
"""

from collections.abc import Awaitable, Callable, Mapping

from alphapulse_pipeline.exchange.feed import Caller

AskProducts = Callable[[Caller], Awaitable[Mapping[str, str]]]
"""Requests which wallets the account never opened: wallet -> the exchange's words for it.

A wallet that the exchange does not mention counts as opened, so that it is read.
"""

AskClosedStreams = Callable[[Caller], Awaitable[Mapping[tuple[str, str], str]]]
"""Requests which streams this account or key may not read: (dataset, stream) -> why.

A stream that is not mentioned is read, and its endpoint may still refuse.
"""
