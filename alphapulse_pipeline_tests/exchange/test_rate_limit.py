"""Which limits a request counts in, and what the exchange's answers say about them."""

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphapulse_pipeline.exchange import rate_limit
from alphapulse_pipeline.exchange.rate_limit import Charged, Limit, RateLimiter, Request

CCXT = {"capacity": 1, "refillRate": 0.02}
ADDRESS = Limit("all", 6000, 60, per_address=True, used="x-used")
USER = Limit("mine", 10, 1, left="x-left")


def charged(*charges: tuple[Limit, float]) -> Charged:
    return lambda api, path, params: charges or None


def limiter(charges: Charged | None = None, *, share: float = 0.5, key: str = "key") -> RateLimiter:
    return RateLimiter(CCXT, charges, share, key, lambda api: "https://api.example.com")


def send(
    limits: RateLimiter,
    then: Callable[[], object] = lambda: None,
    params: Mapping[str, Any] | None = None,
) -> float:
    """Send one request; seconds until the next one may be sent."""

    async def one() -> float:
        await limits(Request("private", "orders", params or {}, 1))
        then()
        [(_, bucket, _), *_] = rate_limit._CURRENT.get()
        return bucket.wait(bucket.take(0))

    return asyncio.run(one())


@given(
    amount=st.floats(1, 1e6),
    seconds=st.sampled_from([1.0, 2.0, 5.0, 60.0]),
    share=st.floats(0.01, 1),
    per_address=st.booleans(),
)
def test_a_window_sees_no_more_than_the_share_of_its_amount(
    amount: float, seconds: float, share: float, per_address: bool
) -> None:
    limit = Limit("all", amount, seconds, per_address=per_address)
    part = share if per_address else 1
    most = limit.most_at_once(share) + seconds * limit.rate(share)
    assert most == pytest.approx(part * amount)
    if seconds == 60:
        assert limit.rate(share) * seconds >= 0.95 * part * amount


def test_a_limit_per_address_is_shared_by_keys_and_one_per_user_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rate_limit, "directory", lambda: tmp_path)
    for limit, shared in ((ADDRESS, True), (USER, False)):
        first, second = (limiter(charged((limit, 1)), key=key) for key in ("a", "b"))
        send(first, lambda first=first: first.hold(50))  # type: ignore[misc]
        waits = [bucket.wait(bucket.take(0)) for bucket in _buckets(second)]
        assert [wait > 40 for wait in waits] == [shared]
        first.close()
        second.close()
    assert "a" not in [path.name.split("_")[-1] for path in tmp_path.iterdir()]


def _buckets(limits: RateLimiter) -> list[Any]:
    request = Request("private", "orders", {}, 1)
    return [limits._bucket(limit, "private") for limit, _ in limits._charges(request)]


def test_the_exchanges_count_stops_us_until_its_minute_ends() -> None:
    limits = limiter(charged((ADDRESS, 1)))
    headers = {"X-Used": "5399", "Date": "Fri, 27 Nov 2026 18:30:45 GMT"}
    assert send(limits, lambda: limits.observe(headers)) <= 0
    headers["X-Used"] = "5401"
    assert send(limits, lambda: limits.observe(headers)) == pytest.approx(16, abs=0.1)


def test_an_endpoint_that_has_nothing_left_is_given_time() -> None:
    limits = limiter(charged((USER, 1), (ADDRESS, 1)))
    assert send(limits, lambda: limits.observe({"X-Left": "1"})) <= 0
    assert send(limits, lambda: limits.observe({"X-Left": "0"})) == pytest.approx(0.15, abs=0.01)


def test_a_refusal_holds_what_was_refused_and_nothing_else() -> None:
    limits = limiter(charged((USER, 1), (ADDRESS, 1)))

    def refuse() -> None:
        assert limits.refused(30, 1) == 30
        (_, user, _), (_, address, _) = rate_limit._CURRENT.get()
        assert user.wait(user.take(0)) > 29
        assert address.wait(address.take(0)) <= 0

    send(limits, refuse)


def test_a_counter_that_falls_slowly_is_given_the_time_it_needs() -> None:
    counter = Limit("counter", 0.33, 1, burst=11)
    limits = limiter(charged((counter, 2)))
    waits: list[float] = []
    send(limits, lambda: waits.extend(limits.refused(None, times) for times in (1, 2, 3)))
    assert waits == pytest.approx([6.06, 12.12, 24.24], abs=0.01)


def test_a_throttled_account_says_so_once_a_minute(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 0.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    limits = limiter(charged((USER, 1)))
    with caplog.at_level("INFO"):
        for second in range(130):
            now = float(second)
            limits.refused(1.0, 1)
    assert [record.getMessage() for record in caplog.records] == [
        f"at the exchange's rate limit{many}, continuing in 1 s (normal)"
        for many in ("", *[" (60 requests refused in the last minute)"] * 2)
    ]


def test_what_is_not_documented_counts_as_ccxt_says() -> None:
    limits = limiter(charged())
    # 20 per second, of which half
    assert [bucket.per_second for bucket in _buckets(limits)] == [10]


def test_what_was_spent_is_the_time_that_the_limits_need() -> None:
    limits = limiter(charged((USER, 1), (ADDRESS, 20)))
    for _ in range(3):
        send(limits)
    assert limits.spent == pytest.approx(3 * 20 * 63 / 3000)
    assert limits.per_hour == 3600
