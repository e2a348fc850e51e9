"""The products that an account has: each wallet is opened by its user, or never."""

from collections.abc import Awaitable, Callable, Mapping

from alphapulse_pipeline.exchange.feed import Caller

AskProducts = Callable[[Caller], Awaitable[Mapping[str, str]]]
"""Requests which wallets the account never opened: wallet -> the exchange's words for it.

A wallet that the exchange does not mention counts as opened, so that it is read.
"""
