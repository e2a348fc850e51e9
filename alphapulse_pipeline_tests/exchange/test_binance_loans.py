"""Crypto loans at Binance: what is done, what is on its way, what failed, and what is owed."""

import asyncio
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest
from ccxt.base import errors as ccxt

from alphapulse_pipeline.exchange.errors import ExchangeFailure, Kind, Unreadable
from alphapulse_pipeline.exchange.feed import Page, to_time
from alphapulse_pipeline.exchange.parsing import parsed
from alphapulse_pipeline.exchange.venues.binance import earn, loans
from alphapulse_pipeline_tests.exchange.loan_samples import AT, LOAN, ORDER, REPAYMENT, SAMPLES
from alphapulse_pipeline_tests.exchange.test_binance_samples import (
    Reading,
    reading,
    source_of,
)

__all__ = ["reading"]
_STATUS = {"loans": "status", "loan repayments": "repayStatus"}
_PENDING = {"loans": "PENDING", "loan repayments": "REPAYING"}


def walked(dataset: str, stream: str, *rows: dict[str, Any]) -> list[Page]:
    feed = source_of(dataset, stream).feed

    async def call(method: str, params: Mapping[str, Any]) -> Any:
        return {"rows": list(rows), "total": len(rows)}

    async def pages() -> list[Page]:
        walk = feed.paging.walk(call, feed, AT - 1000, AT + 1000, None)
        return [page async for page in walk]

    return asyncio.run(pages())


@pytest.mark.parametrize(
    ("stream", "from_wallet", "to_wallet", "kind", "amount"),
    [
        ("loans", "loan", "spot", "BORROW", 10_000),
        ("loan repayments", "spot", "loan", "REPAY", -10_000),
    ],
)
def test_what_is_borrowed_comes_with_the_debt_and_goes_to_spot(
    stream: str, from_wallet: str, to_wallet: str, kind: str, amount: int, reading: Reading
) -> None:
    raw = SAMPLES["transfers", stream]
    [moved] = reading.rows("transfers", source_of("transfers", stream), raw)
    assert (moved["from_wallet"], moved["to_wallet"]) == (from_wallet, to_wallet)
    assert (moved["asset"], moved["amount"], moved["status"]) == ("BUSD", 10_000, "ok")
    [booked] = reading.rows("ledger", source_of("ledger", stream), raw)
    assert (booked["wallet"], booked["class"], booked["kind"]) == ("loan", "loan", kind)
    assert (booked["asset"], booked["amount"]) == ("BUSD", Decimal(amount))
    assert moved["happened_at"] == booked["happened_at"] == to_time(AT)
    assert moved["transfer_id"] == booked["entry_id"]


def test_rows_of_one_instant_have_names_of_their_own(reading: Reading) -> None:
    source = source_of("transfers", "loans")
    others = ({"collateralCoin": "BTC"}, {"loanCoin": "USDT"}, {"initialLoanAmount": "9"})
    rows = reading.rows("transfers", source, LOAN, *(LOAN | other for other in others))
    assert len({row["transfer_id"] for row in rows}) == 4


@pytest.mark.parametrize("stream", _STATUS)
def test_what_failed_moved_nothing(stream: str, reading: Reading) -> None:
    raw = SAMPLES["transfers", stream] | {_STATUS[stream]: "FAILED"}
    [row] = reading.rows("transfers", source_of("transfers", stream), raw)
    assert row["status"] == "failed"
    assert reading.rows("ledger", source_of("ledger", stream), raw) == []


@pytest.mark.parametrize("name", SAMPLES, ids=str)
def test_what_is_pending_is_asked_about_again(name: tuple[str, str]) -> None:
    pending = SAMPLES[name] | {_STATUS[name[1]]: _PENDING[name[1]]}
    pages = walked(*name, pending)
    assert [page.rows for page in pages] == [[], []]
    assert [(page.start, page.end) for page in pages] == [(AT - 1000, AT), (AT + 1, AT + 1000)]


@pytest.mark.parametrize("name", SAMPLES, ids=str)
@pytest.mark.parametrize(
    "change",
    [
        {"status": "NEW_STATUS", "repayStatus": "NEW_STATUS"},
        {"initialLoanAmount": "", "repayAmount": ""},
        {"loanCoin": None},
        {"collateralCoin": None},
    ],
    ids=str,
)
def test_a_row_that_leaves_open_what_was_moved_is_not_read(
    name: tuple[str, str], change: dict[str, Any], reading: Reading
) -> None:
    source = source_of(*name)
    page = source.feed.read({"rows": [SAMPLES[name] | change], "total": 1})
    found = parsed(reading, name[0], source, page)
    assert (found.rows, len(found.unread)) == ([], 1)


def test_what_is_owed_is_added_up_by_coin() -> None:
    [feed] = loans.WALLET.lists
    rows = [ORDER, ORDER | {"collateralCoin": "BTC", "totalDebt": "0.5"}, ORDER | {"loanCoin": "A"}]
    assert loans.WALLET.assets is not None
    assert list(loans.WALLET.assets({feed.method: rows})) == [
        ("A", 0, 0, 10_000),
        ("BUSD", 0, 0, Decimal("10000.5")),
    ]


def test_an_account_whose_list_is_refused_has_no_such_wallet() -> None:
    async def call(method: str, params: Mapping[str, Any]) -> Any:
        raise ccxt.PermissionDenied("binance {}")

    with pytest.raises(ExchangeFailure) as refused:
        asyncio.run(loans.WALLET.lists[0].everything(call))
    assert refused.value.kind is Kind.NOT_OFFERED
    with pytest.raises(ExchangeFailure) as closed:
        asyncio.run(anext(source_of("transfers", "loans").feed.paging.walk(call, *_range())))
    assert closed.value.kind is Kind.NOT_OFFERED


def _range() -> tuple[Any, ...]:
    return source_of("transfers", "loans").feed, AT - 1000, AT + 1000, None


def test_collateral_counts_where_it_is_saved_and_is_not_free() -> None:
    flexible, locked = (feed.method for feed in earn.WALLET.lists)
    # the page's sample
    row = {"asset": "USDT", "totalAmount": "75.46000000", "collateralAmount": "232.23123213"}
    assert earn.WALLET.assets is not None
    [(asset, total, used, _)] = earn.WALLET.assets({flexible: [row], locked: []})
    assert (asset, total, used) == ("USDT", Decimal("307.69123213"), Decimal("232.23123213"))


def test_a_repayment_names_its_own_time(reading: Reading) -> None:
    raw = REPAYMENT | {"borrowTime": 1, "initialLoanAmount": "7", "status": "FAILED"}
    [row] = reading.rows("ledger", source_of("ledger", "loan repayments"), raw)
    assert (row["amount"], row["happened_at"]) == (Decimal(-10_000), to_time(AT))


def test_an_unknown_status_is_refused_by_name() -> None:
    source = source_of("transfers", "loans")
    with pytest.raises(Unreadable, match="NEW_STATUS"):
        source.amend(LOAN | {"status": "NEW_STATUS"}, {})
