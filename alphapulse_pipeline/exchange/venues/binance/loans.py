"""Crypto loans at a flexible rate: what is owed, what was borrowed and what was repaid.

What is owed is the wallet `loan`, which holds nothing: what is borrowed comes into it with the debt
and goes on to spot, and a repayment comes from spot and takes the debt away. Interest is added to
the debt every minute and is in no list. A repayment pays it without saying how much of it: all of
it is booked as repaid.

The collateral is what a flexible product of Simple Earn holds. It stays there, earns rewards and is
read with it: see `earn`. So pledging and returning it moves nothing.

"What is Binance Flexible Loan and Frequently Asked Questions" (2024-12-13, binance.com/en/support/
faq/1c9dddb774054983992b8977ae36577a). The API's pages do not say where borrowed coins go: spot is
assumed. They do not say which repayments were made with collateral either, nor what a liquidation
takes from it in all: both show as a difference of their size.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from alphapulse_pipeline.datasets.values import Row, number
from alphapulse_pipeline.exchange.documented import SIX_MONTHS, Documented
from alphapulse_pipeline.exchange.errors import Unreadable
from alphapulse_pipeline.exchange.feed import Caller, Feed, Raw, at, milliseconds
from alphapulse_pipeline.exchange.venues.binance.common import (
    BY_MILLISECOND,
    EARN,
    LOAN,
    SPOT,
    rows_if_any,
    windowed,
)
from alphapulse_pipeline.exchange.venues.venue import Amend, Source, Wallet
from alphapulse_pipeline.exchange.walker import Numbered
from alphapulse_pipeline.exchange.walker.final import Final
from alphapulse_pipeline.exchange.walker.offered import Offered, refusals_are_states

_PAGE = (
    "developers.binance.com/en/docs/catalog/investment-and-services-crypto-loan/api/rest-api/"
    "flexible-rate#get-flexible-loan-"
)
_BEGINS = datetime(2024, 2, 27, 8, tzinfo=UTC)
"""Older loans are in the lists of version 1, which are not read."""


def _page(name: str, cost: int, note: str) -> Documented:
    return Documented(
        page=f"{_PAGE}{name}",
        dated="2026-08-21",
        limit=100,
        default_limit=10,
        cost=f"{cost} of 12000 per minute, IP and endpoint",
        permission="Enable Reading",
        note=note,
    )


_UNKNOWN_RETENTION = (
    "the statuses and limits are those of developers.binance.com/docs/crypto_loan, undated; rows "
    "have no id; nothing before 2024-02-27 08:00; no retention is documented: beyond the six "
    "months of transfers, silence proves nothing"
)


@dataclass(frozen=True)
class _List:
    """The names of a list's fields and statuses."""

    method: str
    documented: Documented
    id: str
    kind: str
    sign: int
    """Of what changes the debt."""
    amount: str
    time: str
    status: str
    done: str
    pending: str
    failed: str = "FAILED"


_BORROWED = _List(
    "sapiV2GetLoanFlexibleBorrowHistory",
    _page("borrow-history", 400, f"the page names no wallet: spot; {_UNKNOWN_RETENTION}"),
    *("loan", "BORROW", 1, "initialLoanAmount", "borrowTime", "status", "SUCCESS", "PENDING"),
)
_REPAID = _List(
    "sapiV2GetLoanFlexibleRepayHistory",
    _page(
        "repayment-history",
        400,
        "which repayments were made with collateral is not listed: all count as paid from spot; "
        f"{_UNKNOWN_RETENTION}",
    ),
    *("repayment", "REPAY", -1, "repayAmount", "repayTime", "repayStatus", "REPAID", "REPAYING"),
)
_LISTS = {"loans": _BORROWED, "loan repayments": _REPAID}


# -- what is owed ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Orders(Numbered):
    """An account whose list is refused has none."""

    async def everything(self, call: Caller, feed: Feed) -> list[Raw]:
        with refusals_are_states():
            return await super().everything(call, feed)


def _pair(row: Raw) -> tuple[Any, ...]:
    return row.get("loanCoin"), row.get("collateralCoin")


_ORDERS = Feed(
    "sapiV2GetLoanFlexibleOngoingOrders",
    _Orders("current", at("total"), _pair),
    {"limit": 100},
    rows_if_any,
    required=("loanCoin", "totalDebt", "collateralCoin"),
    limit="limit",
    documented=_page(
        "ongoing-orders",
        300,
        "the debt only, of each pair of coins: the collateral counts where it is, in Earn. "
        "Requested once Earn holds something that is not free, or something was borrowed",
    ),
)


def _owed(answer: Mapping[str, Any]) -> Iterable[tuple[str, Decimal, Decimal, Decimal]]:
    """(asset, nothing held, nothing used, debt)."""
    debts: dict[str, Decimal] = {}
    for row in answer[_ORDERS.method]:
        known = debts.get(row["loanCoin"], Decimal(0))
        debts[row["loanCoin"]] = known + (number(row["totalDebt"]) or 0)
    for asset, debt in sorted(debts.items()):
        yield asset, Decimal(0), Decimal(0), debt


WALLET = Wallet(
    LOAN, assets=_owed, documented=_ORDERS.documented, lists=(_ORDERS,), once_used_in=EARN
)


# -- histories -------------------------------------------------------------------------------------


def transfers() -> dict[str, Source]:
    return {
        name: _source(listed, SPOT, "parse_transfer", _moved(listed), kind="transfer")
        for name, listed in _LISTS.items()
    }


def ledger() -> dict[str, Source]:
    """The same rows as what changes the debt: requested once one of them was read."""
    return {
        name: replace(
            _source(listed, LOAN, "parse_ledger_entry", _booked(listed)),
            once_used=True,
        )
        for name, listed in _LISTS.items()
    }


def _source(listed: _List, wallet: str, parse: str, amend: Amend, *, kind: str = "") -> Source:
    source = windowed(
        listed.method,
        wallet,
        parse,
        milliseconds(listed.time),
        amend,
        rows=rows_if_any,
        paging=Offered(Final(BY_MILLISECOND, lambda row: row.get(listed.status) == listed.pending)),
        required=("loanCoin", "collateralCoin", listed.amount, listed.time, listed.status),
        documented=listed.documented,
        kind=kind,
        window=SIX_MONTHS,
        kept=SIX_MONTHS,
    )
    return replace(source, feed=replace(source.feed, begins=_BEGINS), daily=True)


def _moved(listed: _List) -> Amend:
    from_wallet, to_wallet = (LOAN, SPOT) if listed.sign > 0 else (SPOT, LOAN)

    def amend(raw: Raw, row: Row) -> Row:
        return row | {
            "transfer_id": _id(listed, raw),
            "asset": raw["loanCoin"],
            "amount": number(raw[listed.amount]),
            "from_wallet": from_wallet,
            "to_wallet": to_wallet,
            "status": "ok" if _is_done(listed, raw) else "failed",
        }

    return amend


def _booked(listed: _List) -> Amend:
    def amend(raw: Raw, row: Row) -> Row | None:
        if not _is_done(listed, raw):
            return None
        return row | {
            "class": "loan",
            "kind": listed.kind,
            "asset": raw["loanCoin"],
            "entry_id": _id(listed, raw),
            "amount": listed.sign * (number(raw[listed.amount]) or 0),
            "reference_id": "",
        }

    return amend


def _is_done(listed: _List, raw: Raw) -> bool:
    """Raises `Unreadable` for a status that is not documented: whether anything was moved is not
    known then."""
    status = raw[listed.status]
    if status not in (listed.done, listed.failed):
        raise Unreadable(f"a {listed.id} at Binance has the status {status}")
    return bool(status == listed.done)


def _id(listed: _List, raw: Raw) -> str:
    """Rows have no id."""
    amount = number(raw[listed.amount])
    if amount is None:
        raise Unreadable(f"a {listed.id} at Binance has no amount")
    coins = f"{raw['loanCoin']} for {raw['collateralCoin']}"
    return f"{listed.id} {raw[listed.time]} {coins} {amount.normalize():f}"
