"""The rate limit is kept, and used up."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphapulse_pipeline.exchange.rate_limit import TokenBucket

CAPACITY, PER_SECOND = 10.0, 5.0
asked = st.lists(
    st.tuples(st.floats(0, 20), st.floats(0.5, 12)), min_size=1, max_size=40
)  # seconds after the one before, cost


def sent(requests: list[tuple[float, float]]) -> tuple[list[tuple[float, float]], list[float]]:
    """When each was sent and what it cost; and when it was asked for."""
    bucket = TokenBucket({"capacity": CAPACITY, "refillRate": PER_SECOND / 1000})
    begin = now = bucket._filled_at
    times, moments = [], []
    for pause, cost in requests:
        now += pause
        moments.append(now - begin)
        times.append((now + bucket.take(cost, now) - begin, cost))
    return times, moments


@given(asked)
def test_no_stretch_of_time_sees_more_than_the_bucket_holds(
    requests: list[tuple[float, float]],
) -> None:
    times, _ = sent(requests)
    assert all(a[0] <= b[0] + 1e-6 for a, b in pairwise(times))
    for first in range(len(times)):
        for last in range(first, len(times)):
            # the last one may go as soon as what was before it is paid
            cost = sum(cost for _, cost in times[first:last])
            stretch = times[last][0] - times[first][0]
            assert cost <= CAPACITY + stretch * PER_SECOND + 1e-6


@given(asked)
def test_a_request_waits_only_for_what_others_have_taken(
    requests: list[tuple[float, float]],
) -> None:
    times, moments = sent(requests)
    for n, ((time, _), asked_at) in enumerate(zip(times, moments, strict=True)):
        if time > asked_at + 1e-6:
            # waited: then everything since some moment of rest went out at full speed
            assert any(
                sum(cost for _, cost in times[first:n])
                >= (time - times[first][0]) * PER_SECOND - 1e-6
                for first in range(n)
            )


def test_the_bucket_refills_while_no_request_waits() -> None:
    bucket = TokenBucket({"capacity": 1, "refillRate": 0.002})
    now = bucket._filled_at
    waited = 0.0
    for _ in range(100):
        wait = bucket.take(2, now)
        waited += wait
        now += wait + 0.3  # the answer takes a while, without other requests
    # a second each, answer and wait together
    assert waited == pytest.approx(99 * 0.7)


def test_what_was_spent_is_counted_and_an_hours_worth_is_known() -> None:
    bucket = TokenBucket({"capacity": 1, "refillRate": 0.002})
    for cost in (1, 2.5, 0.5):
        bucket.take(cost, bucket._filled_at)
    assert bucket.spent == 4
    assert bucket.per_hour == pytest.approx(7200)


def test_a_wait_after_one_request_holds_all_of_them() -> None:
    bucket = TokenBucket({"capacity": 10, "refillRate": 1})
    now = bucket._filled_at
    bucket.hold(3)
    waits = [bucket.take(1, now), bucket.take(1, now)]
    assert all(wait == pytest.approx(3, abs=0.5) for wait in waits)
    assert bucket.take(1, now + 60) == 0
