"""Sub-accounts: an owner's other accounts, as the key of the master account lists them."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass

from alphapulse_pipeline.exchange.documented import Documented
from alphapulse_pipeline.exchange.errors import ExchangeFailure, Incomplete, Kind
from alphapulse_pipeline.exchange.feed import Caller
from alphapulse_pipeline.settings.accounts import Account

UNLISTED = (
    Kind.PERMISSION,
    Kind.NOT_ENABLED,
    Kind.NOT_OFFERED,
    Kind.UNSUPPORTED,
    Kind.REFUSED,
    Kind.UNREADABLE,
    Kind.INCOMPLETE,
)
"""Failures of the list that concern nothing else of the account: a key that may not list them, or
that is itself a sub-account's."""


@dataclass(frozen=True)
class SubAccount:
    id: str
    """The exchange's id of it, which never changes."""
    name: str
    """What the exchange's website calls it."""
    frozen: bool
    """Whether it cannot be used at present. It may hold money all the same."""


@dataclass(frozen=True)
class SubAccounts:
    """How an exchange is asked for the sub-accounts of a master account."""

    ask: Callable[[Caller], Awaitable[Sequence[SubAccount]]]
    """Requests all of them. Raises what ccxt raises, `Unreadable` and `Incomplete`."""
    documented: Documented


AskUserId = Callable[[Caller], Awaitable[str]]
"""Requests the exchange's id of the account that a key belongs to: a sub-account's `SubAccount.id`.
Raises what ccxt raises, and `Unreadable`."""


async def all_pages(pages: AsyncIterator[Sequence[SubAccount]]) -> list[SubAccount]:
    """The sub-accounts of all pages, each once.

    Raises `Incomplete` if a page has nothing new: the exchange has not understood where to go on.
    """
    found: dict[str, SubAccount] = {}
    number = 0
    async for page in pages:
        number += 1
        new = {sub.id: sub for sub in page if sub.id not in found}
        if number > 1 and not new:
            raise Incomplete(f"page {number} of the list of sub-accounts has no new ones")
        found |= new
    return list(found.values())


def wrong_owner(account: Account, owner: str) -> ExchangeFailure | None:
    """Why the key of `owner`, the exchange's id of an account, is not that of `account`; None if it
    is. The rows of two accounts would be mixed."""
    key, wanted = account.environment.api_key, account.settings.sub_account
    if wanted is None or owner == wanted:
        return None
    return ExchangeFailure(
        Kind.CREDENTIALS,
        f"the key in {key} belongs to the exchange's account {owner}, and {account.name} is its "
        f"sub-account {wanted}",
        f"put a read-only key of the sub-account {wanted} into {key}, or correct sub_account in "
        f"the defs.yaml of {account.name}",
    )
