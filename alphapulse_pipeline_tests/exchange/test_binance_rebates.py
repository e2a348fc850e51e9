"""Binance's rebates: what a row means, and pages that do not add up."""

import asyncio
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest

from alphapulse_pipeline.exchange.errors import Incomplete, Unreadable
from alphapulse_pipeline.exchange.feed import Page
from alphapulse_pipeline.exchange.parsing import parsed
from alphapulse_pipeline_tests.exchange.rebate_samples import AT, SAMPLES, enveloped
from alphapulse_pipeline_tests.exchange.test_binance_samples import (
    Reading,
    reading,
    source_of,
)

__all__ = ["reading"]
REBATE = SAMPLES["ledger", "rebates"]


def walked(*answers: Any) -> list[Page]:
    """What the answers to the requests for page 1, 2, ... prove."""
    feed = source_of("ledger", "rebates").feed

    async def call(method: str, params: Mapping[str, Any]) -> Any:
        return answers[params["page"] - 1]

    async def pages() -> list[Page]:
        walk = feed.paging.walk(call, feed, AT - 1000, AT + 1000, None)
        return [page async for page in walk]

    return asyncio.run(pages())


@pytest.mark.parametrize(
    ("type_", "kind"),
    [(1, "COMMISSION_REBATE"), ("2", "REFERRAL_KICKBACK"), (3, "REBATE_3")],
)
def test_a_rebate_is_a_reward(type_: Any, kind: str, reading: Reading) -> None:
    source = source_of("ledger", "rebates")
    [row] = reading.rows("ledger", source, REBATE | {"type": type_})
    assert (row["kind"], row["class"], row["wallet"]) == (kind, "reward", "spot")
    assert (row["asset"], row["amount"]) == ("USDT", Decimal("0.0001126"))


def test_equal_rebates_are_told_apart(reading: Reading) -> None:
    [page] = walked(enveloped([REBATE, REBATE | {"asset": "ETH"}, REBATE]))
    assert (page.start, page.end) == (AT - 1000, AT + 1000)
    found = parsed(reading, "ledger", source_of("ledger", "rebates"), page.rows)
    assert found.unread == []
    assert len({row["entry_id"] for row in found.rows}) == 3


def test_all_pages_are_read() -> None:
    [page] = walked(enveloped([REBATE, REBATE], 3), enveloped([REBATE], 3))
    assert len(page.rows) == 3
    [empty] = walked(enveloped([]))
    assert (empty.rows, empty.start, empty.end) == ([], AT - 1000, AT + 1000)


@pytest.mark.parametrize(
    "answers",
    [
        (enveloped([REBATE], 2), enveloped([REBATE], 3)),
        (enveloped([REBATE], 2), enveloped([], 2)),
        (enveloped([REBATE, REBATE], 1),),
        (enveloped([REBATE], 0),),
    ],
    ids=["one was paid", "a page is missing", "more than counted", "none counted"],
)
def test_pages_that_do_not_add_up_are_not_believed(answers: tuple[Any, ...]) -> None:
    with pytest.raises(Incomplete):
        walked(*answers)


@pytest.mark.parametrize("total", ["", "many", True, -1])
def test_a_count_that_is_none(total: Any) -> None:
    with pytest.raises(Unreadable):
        walked(enveloped([REBATE], total))


def test_an_answer_that_is_not_ok_is_not_read() -> None:
    with pytest.raises(Unreadable):
        walked(enveloped([]) | {"status": "FAIL"})
