"""Loans of Portfolio Margin: of which assets they are requested, and what their rows book."""

import asyncio
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest

from alphapulse_pipeline.exchange.errors import Unreadable
from alphapulse_pipeline.exchange.feed import Feed, Page, milliseconds
from alphapulse_pipeline.exchange.venues.binance.portfolio_loans import OfBorrowed, ledger
from alphapulse_pipeline.exchange.walker import Windows
from alphapulse_pipeline_tests.exchange.portfolio_margin_samples import BALANCE, LOAN, REPAYMENT

DAY = 86_400_000
START, END = 10 * DAY, 10 * DAY + 9
SETTLED = BALANCE | {"crossMarginBorrowed": "0.00000000", "crossMarginInterest": "0"}
CHARGED = {"rawAsset": "BNB", "interestAccuredTime": START - DAY // 2}


def walked(balances: Any, interest: Any, listed: Mapping[str, Any]) -> tuple[list[Page], list[str]]:
    """The pages, and the assets that were asked for. `listed`: the rows of each asset."""
    asked: list[str] = []

    async def call(method: str, params: Mapping[str, Any]) -> Any:
        if method == "papiGetBalance":
            return balances
        if method == "papiGetMarginMarginInterestHistory":
            assert params["startTime"] <= START - DAY
            return interest
        asked.append(params["asset"])
        return listed[params["asset"]]

    async def walk() -> list[Page]:
        feed = Feed("list", Windows(margin=1), time=milliseconds("at"))
        pages = OfBorrowed(feed.paging).walk(call, feed, START, END, None)
        return [page async for page in pages]

    return asyncio.run(walk()), asked


def test_loans_are_requested_of_what_is_owed_or_was_charged() -> None:
    interest = {"rows": [CHARGED], "total": 1}
    rows = {"BNB": [{"at": START + 3}], "USDT": [{"at": START + 5}]}
    pages, asked = walked([BALANCE, SETTLED | {"asset": "BTC"}], interest, rows)
    assert asked == ["BNB", "USDT"]
    # the range is proven once every asset has been read
    assert pages == [Page(rows["BNB"], START, START), Page(rows["USDT"], START, END)]


def test_without_a_debt_no_loans_are_requested() -> None:
    assert walked([SETTLED], {"total": 0}, {}) == ([Page([], START, END)], [])


@pytest.mark.parametrize(
    ("balances", "interest"),
    [
        ({}, {"total": 0}),
        ([{"asset": "USDT"}], {"total": 0}),
        ([SETTLED], {"rows": [{}], "total": 1}),
        ([SETTLED], []),
    ],
)
def test_what_is_owed_and_cannot_be_read_is_not_nothing(balances: Any, interest: Any) -> None:
    with pytest.raises(Unreadable):
        walked(balances, interest, {})


@pytest.mark.parametrize(
    ("stream", "raw", "booked"),
    [
        ("portfolio loans", LOAN, ("BORROW", "loan", "0.84624403")),
        ("portfolio repayments", REPAYMENT, ("REPAY", "loan", "-13.98133333")),
        ("portfolio interest", REPAYMENT, ("INTEREST", "interest", "-0.01866667")),
        ("portfolio interest", REPAYMENT | {"interest": "0.00000000"}, None),
        ("portfolio repayments", REPAYMENT | {"status": "FAILED"}, None),
    ],
)
def test_a_loan_books_what_it_moves(
    stream: str, raw: dict[str, Any], booked: tuple[str, str, str] | None
) -> None:
    row = ledger()[stream].amend(raw, {})
    if booked is None:
        assert row is None
    else:
        kind, class_, amount = booked
        assert row is not None
        assert (row["kind"], row["class"], row["amount"]) == (kind, class_, Decimal(amount))
        assert row["entry_id"] == str(raw["txId"])


@pytest.mark.parametrize("status", ["PENDING", "NEW_STATUS"])
def test_a_loan_that_may_not_have_moved_anything_is_not_booked(status: str) -> None:
    with pytest.raises(Unreadable, match=status):
        ledger()["portfolio loans"].amend(LOAN | {"status": status}, {})
