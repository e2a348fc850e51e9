"""What is specific to Binance's lists."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from alphapulse_pipeline.exchange.venues import VENUES

SECOND = 1_795_029_498_000


@given(st.integers(0, 999), st.integers(-1100, 2100))
def test_a_withdrawal_is_found_in_exactly_one_of_two_adjacent_windows(later: int, cut: int) -> None:
    """Its row has whole seconds, but it is listed by its millisecond."""
    happened, shown = SECOND + later, SECOND
    feed = VENUES["binance"].histories["transfers"]["withdrawals"].feed
    row = dict.fromkeys(feed.required, "1")
    row |= {
        "id": "w",
        "applyTime": f"{datetime.fromtimestamp(shown / 1000, UTC):%Y-%m-%d %H:%M:%S}",
    }

    async def call(method: str, params: Mapping[str, Any]) -> list[dict[str, str]]:
        return [row] if int(params["startTime"]) <= happened <= int(params["endTime"]) else []

    async def found(start: int, end: int) -> int:
        pages = feed.paging.walk(call, feed, start, end, None)
        return len([row async for page in pages for row in page.rows])

    async def both() -> int:
        return await found(SECOND - 5000, SECOND + cut) + await found(SECOND + cut, SECOND + 5000)

    assert asyncio.run(both()) == 1
