"""Loans of Portfolio Margin: what is borrowed, and repaid with its interest.

Both lists are of one asset. The list of interest is of all assets: it names those that were
borrowed. Interest is owed when it is charged, and paid with a repayment.
"""

from collections.abc import AsyncGenerator
from dataclasses import dataclass, replace
from datetime import timedelta

from alphapulse_pipeline.datasets.values import Row, number
from alphapulse_pipeline.exchange.documented import SIX_MONTHS
from alphapulse_pipeline.exchange.errors import Unreadable
from alphapulse_pipeline.exchange.feed import (
    MILLISECOND,
    Caller,
    Feed,
    Page,
    Paging,
    Raw,
    milliseconds,
    require,
)
from alphapulse_pipeline.exchange.venues.binance import portfolio_pages
from alphapulse_pipeline.exchange.venues.binance.common import (
    BY_MILLISECOND,
    PORTFOLIO_MARGIN,
    WINDOW,
    rows_if_any,
    windowed,
)
from alphapulse_pipeline.exchange.venues.venue import Amend, Source

_BALANCE = "papiGetBalance"
_DONE, _FAILED = "CONFIRMED", "FAILED"
_INTEREST = Feed(
    "papiGetMarginMarginInterestHistory",
    BY_MILLISECOND,
    {"size": portfolio_pages.INTEREST.limit},
    rows_if_any,
    milliseconds("interestAccuredTime"),
    WINDOW,
    required=("rawAsset", "interestAccuredTime"),
    window=timedelta(days=30),
    limit="size",
    documented=portfolio_pages.INTEREST,
)
_BEFORE = timedelta(days=1)
"""A loan that is repaid was charged interest within the hour before."""


@dataclass(frozen=True)
class OfBorrowed:
    """A list that is requested for one asset at a time, of those that were owed in the range or are
    owed now. Without one, it is not requested."""

    pages: Paging

    async def walk(
        self, call: Caller, feed: Feed, start: int, end: int, after: str | None
    ) -> AsyncGenerator[Page, None]:
        """The pages of the last asset prove the range, since those before it are complete then."""
        assets = sorted(await _owed(call) | await _charged(call, start, end))
        if not assets:
            yield Page([], start, end)
        for asset in assets:
            of_asset = replace(feed, params={**feed.params, "asset": asset})
            async for page in self.pages.walk(call, of_asset, start, end, after):
                yield page if asset == assets[-1] else Page(page.rows, page.start, page.start)


async def _owed(call: Caller) -> set[str]:
    answer = await call(_BALANCE, {})
    if not isinstance(answer, list):
        raise Unreadable(f"the answer of {_BALANCE} is no list of assets")
    for row in answer:
        require(row, ("asset", "crossMarginBorrowed", "crossMarginInterest"), _BALANCE)
    return {
        row["asset"]
        for row in answer
        if number(row["crossMarginBorrowed"]) or number(row["crossMarginInterest"])
    }


async def _charged(call: Caller, start: int, end: int) -> set[str]:
    found = set()
    walked = _INTEREST.paging.walk(call, _INTEREST, start - _BEFORE // MILLISECOND, end, None)
    async for page in walked:
        for row in page.rows:
            _INTEREST.check(row)
            found.add(row["rawAsset"])
    return found


def ledger() -> dict[str, Source]:
    return {
        "portfolio loans": _records("papiGetMarginMarginLoan", _borrowed, "loans", "principal"),
        "portfolio repayments": _records(
            "papiGetMarginRepayLoan", _repaid, "repayments", "principal", "interest"
        ),
        "portfolio interest": _records(
            "papiGetMarginRepayLoan", _interest, "repayments", "principal", "interest"
        ),
    }


def _records(method: str, amend: Amend, page: str, *amounts: str) -> Source:
    return windowed(
        method,
        PORTFOLIO_MARGIN,
        "parse_ledger_entry",
        milliseconds("timestamp"),
        amend,
        rows=rows_if_any,
        paging=OfBorrowed(BY_MILLISECOND),
        required=("txId", "asset", "status", "timestamp", *amounts),
        documented=portfolio_pages.LOANS[page],
        limit="size",
        kept=SIX_MONTHS,
        # mandatory: replaced by each asset in turn
        asset="USDT",
    )


def _borrowed(raw: Raw, row: Row) -> Row | None:
    return _booked(raw, row, "BORROW", "loan", "principal", 1)


def _repaid(raw: Raw, row: Row) -> Row | None:
    return _booked(raw, row, "REPAY", "loan", "principal", -1)


def _interest(raw: Raw, row: Row) -> Row | None:
    return _booked(raw, row, "INTEREST", "interest", "interest", -1)


def _booked(raw: Raw, row: Row, kind: str, class_: str, field: str, sign: int) -> Row | None:
    """None if nothing was moved. Raises `Unreadable` as long as that is not known."""
    if raw["status"] == _FAILED:
        return None
    if raw["status"] != _DONE:
        raise Unreadable(f"a loan of Binance's Portfolio Margin has the status {raw['status']}")
    amount = number(raw[field])
    if not amount:
        return None
    return row | {
        "class": class_,
        "kind": kind,
        "asset": raw["asset"],
        "entry_id": str(raw["txId"]),
        "amount": sign * amount,
        "reference_id": str(raw["txId"]),
    }
