"""Transfers between the accounts of one owner: a master account and its sub-accounts.

A sub-account has one list, of what it received and what it sent. A master account's list is of one
sender: the master account itself, or the sub-account that is named. So what the master account
received is what its sub-accounts sent and no sub-account received. The two halves of a transfer
have one `tranId`.

Which of the two an account is, only the answers say: a list that is refused before it ever had a
row is none of this account.
"""

from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, replace
from typing import Any

from ccxt.base import errors as ccxt

from alphapulse_pipeline.datasets.values import Row, number
from alphapulse_pipeline.exchange.documented import SIX_MONTHS
from alphapulse_pipeline.exchange.errors import (
    ExchangeFailure,
    Unreadable,
    exchange_message,
    kind_of,
)
from alphapulse_pipeline.exchange.feed import (
    Caller,
    Feed,
    Page,
    Paging,
    Raw,
    at,
    milliseconds,
    to_time,
)
from alphapulse_pipeline.exchange.new_values import meaning
from alphapulse_pipeline.exchange.venues.binance import pages
from alphapulse_pipeline.exchange.venues.binance.common import (
    BY_SECOND,
    COINM,
    ISOLATED,
    MARGIN,
    SPOT,
    USDM,
    WEEK,
    windowed,
)
from alphapulse_pipeline.exchange.venues.binance.sub_accounts import SUB_ACCOUNTS
from alphapulse_pipeline.exchange.venues.venue import Amend, Source
from alphapulse_pipeline.exchange.walker.offered import REFUSALS, Offered

OF_MASTER = ("sent to sub-accounts", "received from sub-accounts")
OF_SUB_ACCOUNT = ("sent to other accounts", "received from other accounts")

_SUB_ACCOUNTS = "sapiGetSubAccountList"
_OF_MASTER = "sapiGetSubAccountUniversalTransfer"
_OF_SUB_ACCOUNT = "sapiGetSubAccountTransferSubUserHistory"
_OUTSIDE = ""
"""Another account is outside of this one, so it has no wallet here."""
_RECEIVED, _SENT = "1", "2"
"""A `type`."""
# fromAccountType and toAccountType
_WALLETS = {
    "SPOT": SPOT,
    "USDT_FUTURE": USDM,
    "COIN_FUTURE": COINM,
    "MARGIN": MARGIN,
    "ISOLATED_MARGIN": ISOLATED,
    "ALPHA": "alpha",  # not read
}
_STATUSES = {"PROCESS": "pending", "SUCCESS": "ok", "FAILURE": "failed"}
_FIELDS = ("tranId", "asset", "fromAccountType", "toAccountType", "status")
_MASTER_FIELDS = (*_FIELDS, "amount", "fromEmail", "toEmail", "createTimeStamp")
_SUB_ACCOUNT_FIELDS = (*_FIELDS, "qty", "type", "time")


async def closed_streams(call: Caller) -> dict[tuple[str, str], str]:
    """The lists of a master account that has sub-accounts, if its key may not read them."""
    try:
        found = at("subAccounts")(await call(_SUB_ACCOUNTS, {"page": 1, "limit": 1}))
    except (ccxt.BaseError, ExchangeFailure) as error:
        if kind_of(error) not in REFUSALS:
            raise
        return {}  # no master account
    if not found:
        return {}
    try:
        await call(_OF_MASTER, {"limit": 1})
    except (ccxt.BaseError, ExchangeFailure) as error:
        if kind_of(error) not in REFUSALS:
            raise
        words = exchange_message(str(error))
        reason = f"the key may not list what moves between the accounts: {words}"
        return {("transfers", stream): reason for stream in OF_MASTER}
    return {}


def transfers() -> dict[str, Source]:
    sent, received = OF_MASTER
    return {
        sent: _of_master(Offered(BY_SECOND), _sent),
        # a request for each sub-account
        received: replace(_of_master(Offered(_FromSubAccounts(BY_SECOND)), _received), daily=True),
        **{
            stream: windowed(
                _OF_SUB_ACCOUNT,
                SPOT,
                "parse_transfer",
                milliseconds("time"),
                _of_sub_account,
                paging=Offered(BY_SECOND),
                required=_SUB_ACCOUNT_FIELDS,
                documented=pages.SUB_ACCOUNT_TRANSFERS,
                kind="transfer",
                kept=SIX_MONTHS,
                type=kind,
                returnFailHistory="true",
            )
            for stream, kind in zip(OF_SUB_ACCOUNT, (_SENT, _RECEIVED), strict=True)
        },
    }


@dataclass(frozen=True)
class _FromSubAccounts:
    """What each sub-account sent, without what another one received. A row that does not say who
    received it is kept, and rejected."""

    pages: Paging

    async def walk(
        self, call: Caller, feed: Feed, start: int, end: int, after: str | None
    ) -> AsyncGenerator[Page, None]:
        """The pages of the last sub-account prove the range, since those before it are complete
        then."""
        subs = [sub.name for sub in await SUB_ACCOUNTS.ask(call)]
        known = {name.casefold() for name in subs}
        if not subs:
            yield Page([], start, end)
        for name in subs:
            of_sub = replace(feed, params={**feed.params, "fromEmail": name})
            async for page in self.pages.walk(call, of_sub, start, end, after):
                rows = [row for row in page.rows if _email(row, "toEmail") not in known]
                proven = page.end if name == subs[-1] else page.start
                yield replace(page, rows=rows, end=proven)


def _of_master(paging: Paging, amend: Amend) -> Source:
    return windowed(
        _OF_MASTER,
        SPOT,
        "parse_transfer",
        milliseconds("createTimeStamp"),
        amend,
        rows=_results,
        paging=paging,
        required=_MASTER_FIELDS,
        documented=pages.MASTER_TRANSFERS,
        kind="transfer",
        window=WEEK,
        kept=SIX_MONTHS,
    )


def _results(answer: Any) -> Any:
    """The rows; an empty list if `totalCount` is 0, should they be omitted then."""
    return at("result")(answer) or ([] if str(at("totalCount")(answer)) == "0" else None)


def _email(row: Any, name: str) -> str | None:
    found = row.get(name) if isinstance(row, dict) else None
    return found.casefold() if isinstance(found, str) else None


def _sent(raw: Raw, row: Row) -> Row:
    return _moved(raw, row, milliseconds("createTimeStamp"), receives=_is_within(raw))


def _received(raw: Raw, row: Row) -> Row:
    return _moved(raw, row, milliseconds("createTimeStamp"), sends=_is_within(raw))


def _is_within(raw: Raw) -> bool:
    """Whether both wallets are of one account."""
    return _email(raw, "fromEmail") == _email(raw, "toEmail")


def _of_sub_account(raw: Raw, row: Row) -> Row:
    """The row itself says whether it was sent or received."""
    kind = str(raw["type"])
    if kind not in (_RECEIVED, _SENT):
        raise Unreadable(f"a transfer between accounts that was neither sent nor received: {kind}")
    moved = row | {"amount": number(raw["qty"])}
    received = kind == _RECEIVED
    return _moved(raw, moved, milliseconds("time"), sends=not received, receives=received)


def _moved(
    raw: Raw,
    row: Row,
    time: Callable[[Raw], int | None],
    *,
    sends: bool = True,
    receives: bool = True,
) -> Row:
    """`sends`, `receives`: whether the wallet at this end is of this account."""
    found = time(raw)
    return row | {
        "transfer_id": str(raw["tranId"]),
        "from_wallet": _wallet(raw, "fromAccountType") if sends else _OUTSIDE,
        "to_wallet": _wallet(raw, "toAccountType") if receives else _OUTSIDE,
        "status": meaning("transfer status", str(raw["status"]), _STATUSES, row["status"]),
        "happened_at": None if found is None else to_time(found),
    }


def _wallet(raw: Raw, name: str) -> str:
    account_type = str(raw[name])
    return meaning("account type", account_type, _WALLETS, account_type.lower())
