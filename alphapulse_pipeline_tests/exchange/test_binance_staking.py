"""What is staked and redeemed at Binance: what is done, what is on its way and what failed."""

import asyncio
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest
from ccxt.base import errors as ccxt

from alphapulse_pipeline.exchange.errors import ExchangeFailure, Kind, Unreadable
from alphapulse_pipeline.exchange.feed import Page, to_time
from alphapulse_pipeline.exchange.parsing import parsed
from alphapulse_pipeline.exchange.venues.binance import staking
from alphapulse_pipeline_tests.exchange.staking_samples import AT, SAMPLES
from alphapulse_pipeline_tests.exchange.test_binance_samples import (
    Reading,
    reading,
    source_of,
)

__all__ = ["reading"]
ARRIVES = AT + 432_000_000
REDEMPTION = SAMPLES["conversions", "eth redemptions"]


def walked(dataset: str, stream: str, *rows: dict[str, Any]) -> list[Page]:
    feed = source_of(dataset, stream).feed

    async def call(method: str, params: Mapping[str, Any]) -> Any:
        return {"rows": list(rows), "total": len(rows)}

    async def pages() -> list[Page]:
        walk = feed.paging.walk(call, feed, AT - 1000, AT + 1000, None)
        return [page async for page in walk]

    return asyncio.run(pages())


@pytest.mark.parametrize(
    ("stream", "given", "received", "wallet"),
    [
        ("eth stakes", "ETH", "WBETH", "spot"),
        ("sol stakes", "SOL", "BNSOL", "spot"),
        ("beth wraps", "BETH", "WBETH", "spot"),
        ("wbeth unwraps", "WBETH", "BETH", "spot"),
        ("eth redemptions", "WBETH", "ETH", "staking"),
        ("sol redemptions", "BNSOL", "SOL", "staking"),
    ],
)
def test_a_swap_is_a_conversion(
    stream: str, given: str, received: str, wallet: str, reading: Reading
) -> None:
    raw, source = SAMPLES["conversions", stream], source_of("conversions", stream)
    [row] = reading.rows("conversions", source, raw)
    assert (row["from_asset"], row["to_asset"], row["wallet"]) == (given, received, wallet)
    assert row["from_amount"] == Decimal("21312.23223")
    assert row["to_amount"] == Decimal(raw.get("distributeAmount") or raw["toAmount"])
    assert row["happened_at"] == to_time(ARRIVES if wallet == "staking" else AT)
    assert row["conversion_id"] == f"{stream[:-1]} {AT} {given} 21312.23223"
    assert reading.rows("conversions", source, raw | {"status": "FAILED"}) == []


def test_a_redemption_leaves_spot_and_arrives_as_another_asset(reading: Reading) -> None:
    left, arrived = reading.rows("transfers", source_of("transfers", "eth redemptions"), REDEMPTION)
    assert (left["from_wallet"], left["to_wallet"], left["asset"]) == ("spot", "staking", "WBETH")
    assert (left["amount"], left["happened_at"]) == (Decimal("21312.23223"), to_time(AT))
    assert (arrived["from_wallet"], arrived["to_wallet"]) == ("staking", "spot")
    assert (arrived["asset"], arrived["amount"]) == ("ETH", Decimal("21338.0699"))
    assert arrived["happened_at"] == to_time(ARRIVES)
    assert left["status"] == arrived["status"] == "ok"
    assert left["transfer_id"] != arrived["transfer_id"]


def test_a_redemption_that_failed_has_never_left(reading: Reading) -> None:
    source = source_of("transfers", "eth redemptions")
    [row] = reading.rows("transfers", source, REDEMPTION | {"status": "FAILED"})
    assert (row["asset"], row["status"]) == ("WBETH", "failed")


def test_what_is_pending_has_left_and_is_asked_about_again() -> None:
    pending = REDEMPTION | {"status": "PENDING"}
    for dataset, parts in (("transfers", ["leaves"]), ("conversions", [])):
        pages = walked(dataset, "eth redemptions", pending)
        assert [row["part"] for page in pages for row in page.rows] == parts
        assert [(page.start, page.end) for page in pages] == [(AT - 1000, AT), (AT + 1, AT + 1000)]
    [whole] = walked("conversions", "eth redemptions", REDEMPTION)
    assert (whole.start, whole.end) == (AT - 1000, AT + 1000)


@pytest.mark.parametrize("name", SAMPLES, ids=str)
@pytest.mark.parametrize("change", [{"status": "NEW_STATUS"}, {"amount": "", "fromAmount": ""}])
def test_a_row_that_leaves_open_what_was_swapped_is_not_read(
    name: tuple[str, str], change: dict[str, Any], reading: Reading
) -> None:
    source = source_of(*name)
    page = source.feed.read({"rows": [SAMPLES[name] | change], "total": 1})
    found = parsed(reading, "conversions", source, page)
    assert (found.rows, len(found.unread)) == ([], 1)


def test_an_answer_of_the_default_size_is_not_taken_for_whole() -> None:
    """Each redemption is read as two rows: ten of them may be a truncated answer."""
    feed = source_of("transfers", "eth redemptions").feed
    assert source_of("conversions", "eth redemptions").feed.whole_below == 10
    assert feed.whole_below == 20
    assert not feed.honors_limit(20)


def held(**status: str) -> list[tuple[str, Decimal, Decimal, None]]:
    """The balance, if the redemptions of each coin have a status."""
    answer = {
        feed.method: [SAMPLES["conversions", f"{coin} redemptions"] | {"status": status[coin]}]
        for coin, feed in zip(("eth", "sol"), staking.WALLET.lists, strict=True)
    }
    return list(staking.WALLET.assets(answer))  # type: ignore[misc]


def test_the_balance_is_what_is_pending() -> None:
    amount = Decimal("21312.23223")
    assert held(eth="PENDING", sol="SUCCESS") == [("WBETH", amount, amount, None)]
    assert held(eth="FAILED", sol="PENDING") == [("BNSOL", amount, amount, None)]
    with pytest.raises(Unreadable):
        held(eth="NEW_STATUS", sol="SUCCESS")


def test_an_account_whose_list_is_refused_has_no_such_wallet() -> None:
    async def call(method: str, params: Mapping[str, Any]) -> Any:
        raise ccxt.PermissionDenied("binance {}")

    with pytest.raises(ExchangeFailure) as refused:
        asyncio.run(staking.WALLET.lists[0].everything(call))
    assert refused.value.kind is Kind.NOT_OFFERED
