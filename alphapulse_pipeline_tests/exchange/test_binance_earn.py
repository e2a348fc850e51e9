"""Rows of Simple Earn that say something else than the usual, and pages that do not add up."""

import asyncio
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest

from alphapulse_pipeline.exchange.errors import Incomplete, Unreadable
from alphapulse_pipeline.exchange.venues.binance import earn
from alphapulse_pipeline_tests.exchange.earn_samples import SAMPLES
from alphapulse_pipeline_tests.exchange.test_binance_samples import (
    Reading,
    reading,
    source_of,
)

__all__ = ["reading"]
[FLEXIBLE, LOCKED] = earn.WALLET.lists
MOVES = [
    ("flexible subscriptions", {}, "spot", "earn", "ok"),
    ("flexible subscriptions", {"sourceAccount": "FUNDING"}, "funding", "earn", "ok"),
    ("flexible subscriptions", {"status": "PURCHASING"}, "spot", "earn", "pending"),
    ("flexible subscriptions", {"status": "FAILED"}, "spot", "earn", "failed"),
    ("flexible subscriptions", {"type": "CONVERT"}, "earn", "earn", "ok"),
    ("flexible subscriptions", {"type": "LOAN"}, "spot", "earn", "ok"),
    ("flexible subscriptions", {"type": "NEW_TYPE"}, "spot", "earn", "ok"),
    ("flexible subscriptions", {"sourceAccount": "NEW"}, "", "earn", "ok"),
    ("locked subscriptions", {"type": "RESTAKE"}, "earn", "earn", "ok"),
    ("locked subscriptions", {"type": "TRIAL"}, "", "earn", "ok"),
    ("flexible redemptions", {"destAccount": "FUNDING"}, "earn", "funding", "ok"),
    ("flexible redemptions", {"status": "CREATED"}, "earn", "spot", "pending"),
    ("flexible redemptions", {"status": "NEW_STATUS"}, "earn", "spot", "pending"),
    ("locked redemptions", {}, "earn", "spot", "ok"),
    ("locked redemptions", {"type": "NEW_TRANSFERRED"}, "earn", "earn", "ok"),
    ("locked redemptions", {"type": "NEW_TYPE"}, "earn", "", "ok"),
]


@pytest.mark.parametrize(("stream", "change", "source", "target", "status"), MOVES)
def test_where_a_row_moves_money(
    stream: str,
    change: dict[str, Any],
    source: str,
    target: str,
    status: str,
    reading: Reading,
) -> None:
    raw = SAMPLES["transfers", stream] | change
    [row] = reading.rows("transfers", source_of("transfers", stream), raw)
    assert (row["from_wallet"], row["to_wallet"], row["status"]) == (source, target, status)
    assert row["amount"] == Decimal(raw["amount"])
    assert row["transfer_id"].startswith(stream.removesuffix("s"))


def test_a_subscription_from_two_wallets_is_two_transfers(reading: Reading) -> None:
    name = ("transfers", "flexible subscriptions")
    both = {"sourceAccount": "SPOTANDFUNDING", "amtFromSpot": "30", "amtFromFunding": "70"}
    rows = reading.rows("transfers", source_of(*name), SAMPLES[name] | both)
    assert [(row["from_wallet"], row["amount"]) for row in rows] == [("spot", 30), ("funding", 70)]
    assert len({row["transfer_id"] for row in rows}) == 2


def test_a_dividend_that_is_taken_back_is_negative(reading: Reading) -> None:
    name = ("ledger", "dividends")
    [row] = reading.rows("ledger", source_of(*name), SAMPLES[name] | {"direction": -1})
    assert (row["amount"], row["class"]) == (Decimal(-10), "reward")


def test_only_rewards_that_stay_in_earn_are_read_from_their_list(reading: Reading) -> None:
    name = ("ledger", "earn")
    assert reading.rows("ledger", source_of(*name), SAMPLES[name] | {"type": "BONUS"}) == []


def positions(*pages: Any) -> Any:
    """What is read of answers to the requests for page 1, 2, ..."""

    async def call(method: str, params: Mapping[str, Any]) -> Any:
        return pages[params["current"] - 1]

    return asyncio.run(FLEXIBLE.everything(call))


def page(total: Any, *names: str) -> dict[str, Any]:
    row = {"totalAmount": "1", "collateralAmount": "0"}
    rows = [{"productId": name, "asset": name, **row} for name in names]
    return {"total": total, "rows": rows}


def test_all_pages_of_positions_are_read() -> None:
    found = positions(page(3, "A", "B"), page(3, "C"))
    assert [row["asset"] for row in found] == ["A", "B", "C"]
    assert positions({"total": 0}) == []


@pytest.mark.parametrize(
    "pages",
    [
        (page(3, "A", "B"), page(4, "C")),
        (page(3, "A", "B"), page(3, "B")),
        (page(1, "A", "B"),),
    ],
    ids=["one was opened", "one was closed", "more than counted"],
)
def test_pages_that_do_not_add_up_are_not_believed(pages: tuple[Any, ...]) -> None:
    with pytest.raises(Incomplete):
        positions(*pages)


def test_a_page_without_rows_is_not_the_end() -> None:
    with pytest.raises(Unreadable):
        positions(page(3, "A", "B"), page(3))


@pytest.mark.parametrize("total", [None, "", "many", True, "-1"])
def test_a_count_that_is_none(total: Any) -> None:
    with pytest.raises(Unreadable):
        positions(page(total, "A"))


def test_positions_of_one_asset_are_added() -> None:
    held = {
        FLEXIBLE.method: [{"asset": "BTC", "totalAmount": "0.5", "collateralAmount": "0"}],
        LOCKED.method: [{"asset": "BTC", "amount": "0.25"}, {"asset": "BTC", "amount": "0.125"}],
    }
    [(asset, total, used, debt)] = earn.WALLET.assets(held)  # type: ignore[misc]
    assert (asset, total, used, debt) == ("BTC", Decimal("0.875"), Decimal("0.375"), None)
