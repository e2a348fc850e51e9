"""Two accounts of Binance and a different client at one address, in minutes that pass at once."""

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from alphapulse_pipeline.exchange import rate_limit
from alphapulse_pipeline.exchange.bucket import Bucket
from alphapulse_pipeline.exchange.rate_limit import RateLimiter, Request
from alphapulse_pipeline.exchange.venues.limits import binance
from exchange_simulator.binance.answers import Refused
from exchange_simulator.binance.limits import FUTURES, SPOT, Limiter, Pool

BEGIN = 80.0
"""Seconds since 1970: within a minute."""
MINUTES = 6
LATENCY = 0.15
AT_ONCE = 8
CCXT = {"capacity": 1, "refillRate": 0.02}
Case = tuple[str, str, Pool, int]
FILLS: Case = ("private", "myTrades", SPOT, 20)
INCOME: Case = ("fapiPrivate", "income", FUTURES, 30)


class FastLoop(asyncio.SelectorEventLoop):
    """An event loop in which waiting takes no time."""

    def __init__(self) -> None:
        super().__init__()
        self.now = BEGIN
        select = self._selector.select  # type: ignore[attr-defined]

        def skip(timeout: float | None) -> Any:
            self.now += (timeout or 0) + 1e-6  # never stands still
            return select(0)

        self._selector.select = skip  # type: ignore[attr-defined]

    def time(self) -> float:
        return self.now


Run = Callable[[Callable[[FastLoop], Coroutine[Any, Any, None]]], None]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    def run(body: Callable[[FastLoop], Coroutine[Any, Any, None]]) -> None:
        loop = FastLoop()
        monkeypatch.setattr(rate_limit, "directory", lambda: tmp_path)
        monkeypatch.setattr(rate_limit, "Bucket", partial(Bucket, clock=loop.time))
        try:
            loop.run_until_complete(body(loop))
        finally:
            loop.close()

    return run


def account(key: str, share: float = 0.5) -> RateLimiter:
    return RateLimiter(CCXT, binance.charged, share, key, lambda api: "https://binance")


@pytest.mark.parametrize(("api", "path", "pool", "weight"), [FILLS, INCOME])
@pytest.mark.parametrize(
    ("others", "share", "left"),
    # of the pool; a tenth of it is never used
    [(0, 0.5, 0.5), (0.4, 0.5, 0.5), (0.4, 1, 0.5), (0.7, 0.5, 0.2), (0.88, 0.5, 0.02)],
)
def test_nobody_is_rejected_and_what_is_left_is_used(
    run: Run, others: float, share: float, left: float, api: str, path: str, pool: Pool, weight: int
) -> None:
    used: Counter[tuple[int, str]] = Counter()
    statuses: Counter[int] = Counter()

    async def body(loop: FastLoop) -> None:
        exchange = Limiter(loop.time, others=others)

        async def work(limits: RateLimiter, key: str) -> None:
            while loop.now < BEGIN + 60 * MINUTES:
                await limits(Request(api, path, {"symbol": "BTCUSDT"}, 1))
                await asyncio.sleep(LATENCY / 2)
                try:
                    headers = exchange.spend("ip", pool, weight)
                    used[int(loop.now // 60), key] += weight
                    statuses[200] += 1
                except Refused as refused:
                    headers = refused.headers
                    statuses[refused.status] += 1
                date = format_datetime(datetime.fromtimestamp(int(loop.now), UTC), usegmt=True)
                await asyncio.sleep(LATENCY / 2)
                limits.observe(headers | {"Date": date})
                if "Retry-After" in headers:
                    limits.refused(float(headers["Retry-After"]), 1)

        accounts = {key: account(key, share) for key in ("one", "two")}
        await asyncio.gather(
            *(work(limits, key) for key, limits in accounts.items() for _ in range(AT_ONCE))
        )
        for limits in accounts.values():
            limits.close()

    run(body)
    assert statuses.keys() == {200}
    whole = range(int(BEGIN // 60) + 1, int(BEGIN // 60) + MINUTES)
    for minute in whole:
        one, two = used[minute, "one"], used[minute, "two"]
        assert one + two <= max(share, left) * pool.limit * 1.01
        assert one + two >= 0.9 * left * pool.limit
        assert abs(one - two) <= 0.2 * (one + two) + 2 * weight


def test_two_budgets_that_are_not_shared_are_rejected(run: Run) -> None:
    """The test above can fail: each account with all of the limit, as if it were alone."""
    statuses: Counter[int] = Counter()

    async def body(loop: FastLoop) -> None:
        exchange = Limiter(loop.time, others=0.4)

        async def work(bucket: Bucket) -> None:
            while loop.now < BEGIN + 120:
                await asyncio.sleep(max(bucket.wait(bucket.take(20)), 0))
                try:
                    exchange.spend("ip", SPOT, 20)
                except Refused as refused:
                    statuses[refused.status] += 1

        buckets = [Bucket(None, 100, 5, clock=loop.time) for _ in range(2)]
        await asyncio.gather(*(work(bucket) for bucket in buckets for _ in range(AT_ONCE)))

    run(body)
    assert statuses[429]
    assert statuses[418]
