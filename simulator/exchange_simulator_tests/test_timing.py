"""Timing effects of a healthy exchange: late rows, histories that expire during a read, and rows
that arrive between two pages."""

from collections.abc import Iterator
from decimal import Decimal
from itertools import islice
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exchange_simulator import Simulator, Timing, World, serve
from exchange_simulator.bybit.names import execution_id
from exchange_simulator.markets import DAY, HOUR, MINUTE
from exchange_simulator.records import Fill
from exchange_simulator.state import ExchangeState, ServerState
from exchange_simulator.timeline import Timeline
from exchange_simulator_tests.client import all_pages, signed
from exchange_simulator_tests.conftest import NOW

EXECUTIONS = "/v5/execution/list"
WINDOW = {"category": "spot", "startTime": NOW - 3 * DAY, "endTime": NOW, "limit": 20}
HALF_LATE = Timing(late_share=Decimal("0.5"), late_by=2 * HOUR)


@pytest.fixture
def timed(world: World) -> Iterator[Simulator]:
    """The default world at NOW, for tests that change its timing."""
    with serve(world, clock=lambda: NOW, limits=False) as simulator:
        yield simulator


def ids(rows: list[dict[str, Any]]) -> list[str]:
    return [row["execId"] for row in rows]


def happened(simulator: Simulator, since: int, until: int) -> list[str]:
    """The spot fills of a time range, newest first."""
    simulator.world.advance_to(until)
    fills = simulator.world.account.executions["spot"]
    span = fills.span(since, until)
    return [execution_id(simulator.world, fills.rows[index]) for index in reversed(span)]


# -- late --------------------------------------------------------------------------------------


def test_late_rows_appear_exactly_once(timed: Simulator) -> None:
    since, until = NOW - 3 * DAY, NOW
    timed.set_timing(HALF_LATE)
    true = happened(timed, since, until)
    first = ids(all_pages(timed, EXECUTIONS, WINDOW))
    older = set(happened(timed, since, until - 2 * HOUR))
    young = set(true) - older
    assert older <= set(first) < set(true)
    assert 0 < len(young & set(first)) < len(young), "some are late, others not"

    timed.set_clock(lambda: NOW + HOUR)
    then = ids(all_pages(timed, EXECUTIONS, WINDOW))
    assert set(first) <= set(then)
    timed.set_clock(lambda: NOW + 2 * HOUR)
    finally_ = ids(all_pages(timed, EXECUTIONS, WINDOW))
    assert finally_ == true, "each row once, in its place"


def test_the_truth_does_not_wait_for_late_rows(timed: Simulator) -> None:
    at = timed.world.genesis + 10 * DAY
    timed.set_clock(lambda: at)
    punctual = timed.truth()
    timed.set_timing(Timing(Decimal("0.5"), late_by=2 * HOUR, history_step=HOUR))
    signed(timed, "/v5/account/info")
    assert timed.truth() == punctual


def test_an_order_is_late_after_its_end(timed: Simulator) -> None:
    account = timed.world.account
    timed.set_timing(Timing(late_share=Decimal(1), late_by=HOUR))
    for order in (o for o in account.orders_of["spot"].rows if o.fills):
        if order.ended_at and order.ended_at - order.created_at > DAY:
            break
    assert order.ended_at is not None
    by_id = {"category": "spot", "orderId": order.order_id}

    def found(at: int) -> int:
        timed.set_clock(lambda: at)
        return len(signed(timed, "/v5/order/history", by_id).result["list"])

    assert found(order.ended_at + HOUR - 1) == 0
    assert found(order.ended_at + HOUR) == 1


def test_every_row_is_late_or_none() -> None:
    assert {Timing(late_share=Decimal(1), late_by=5).delay(n) for n in range(1000)} == {5}
    assert {Timing(late_share=Decimal(0), late_by=5).delay(n) for n in range(1000)} == {0}
    late = sum(Timing(Decimal("0.3"), 5).delay(number) > 0 for number in range(10_000))
    assert 2800 < late < 3200


# -- history_step ------------------------------------------------------------------------------


def test_the_oldest_rows_expire_between_pages(world: World) -> None:
    born = world.genesis
    window = {"category": "spot", "startTime": born, "endTime": born + 7 * DAY, "limit": 20}
    with serve(world, clock=lambda: born + 7 * DAY, limits=False) as simulator:
        true = happened(simulator, born, born + 7 * DAY)
        assert ids(all_pages(simulator, EXECUTIONS, window)) == true
        simulator.set_timing(Timing(history_step=2 * HOUR))
        seen = ids(all_pages(simulator, EXECUTIONS, window))
        assert seen == true[: len(seen)], "the newest rows are complete"
        requests = len(seen) // 20 + 1
        assert set(true) - set(seen) == set(true) - set(
            happened(simulator, born + 2 * HOUR * requests, born + 7 * DAY)
        )
        assert 20 < len(seen) < len(true) - 20
        simulator.set_timing(Timing())
        assert ids(all_pages(simulator, EXECUTIONS, window)) == true


def test_histories_can_start_later_than_the_world(timed: Simulator) -> None:
    timed.set_timing(Timing(history_start=NOW - 2 * DAY, history_step=HOUR))
    rows = ids(signed(timed, EXECUTIONS, WINDOW | {"limit": 100}).result["list"])
    assert rows == happened(timed, NOW - 2 * DAY + HOUR, NOW)[:100]
    window = {"category": "spot", "startTime": NOW - 3 * DAY, "endTime": NOW - 2 * DAY + HOUR}
    assert signed(timed, EXECUTIONS, window).result["list"] == []


# -- clock_step --------------------------------------------------------------------------------


def test_rows_arrive_between_two_pages(timed: Simulator) -> None:
    timed.set_timing(Timing(clock_step=10 * MINUTE))
    window = {"category": "spot", "startTime": NOW - DAY, "limit": 5}
    began = NOW
    rows = ids(all_pages(timed, EXECUTIONS, window))
    assert rows == happened(timed, NOW - DAY, began), "a cursor leads only to older rows"
    assert timed.now() > began + 5 * 10 * MINUTE
    again = ids(all_pages(timed, EXECUTIONS, window))
    assert set(rows) < set(again), "new rows have arrived"


def test_a_stepped_clock_does_not_reject_requests(timed: Simulator) -> None:
    timed.set_timing(Timing(clock_step=HOUR))
    for stamp in (NOW, timed.now(), NOW - 4000):
        assert signed(timed, "/v5/account/info", stamp=stamp).code == 0
    assert timed.now() == NOW + 3 * HOUR
    assert signed(timed, "/v5/account/info", stamp=NOW - 5001).code == 10002
    assert signed(timed, "/v5/account/info", stamp=NOW + 9 * HOUR).code == 10002


# -- reading a history --------------------------------------------------------------------------


@pytest.fixture(scope="module")
def server_state() -> ServerState:
    return ServerState(lambda: 0, (), limits=True)


@pytest.fixture(scope="module")
def exchange(server_state: ServerState) -> ExchangeState:
    return ExchangeState(server_state, World(seed=12, ties=50))


@settings(max_examples=100, deadline=None)
@given(
    start=st.integers(0, 40 * DAY),
    length=st.integers(0, 8 * DAY),
    age=st.integers(0, 40 * DAY),
    late=st.sampled_from([0, 6 * HOUR]),
)
def test_both_directions_show_the_same_rows(
    server_state: ServerState, exchange: ExchangeState, start: int, length: int, age: int, late: int
) -> None:
    genesis = exchange.world.genesis
    server_state.set_timing(Timing(Decimal("0.5"), late))
    window = genesis + start, genesis + start + length, genesis + age
    timeline = exchange.world.account.executions["linear"]
    upwards = list(exchange.oldest_first(timeline, *window))
    assert list(exchange.newest_first(timeline, *window)) == upwards[::-1]
    expected = [
        (index, row)
        for index, row in enumerate(timeline.rows)
        if window[0] <= row.happened_at <= window[1] and exchange.visible(timeline, row, window[2])
    ]
    assert upwards == expected
    for place, (index, _) in enumerate(upwards[:3]):
        rest = exchange.oldest_first(timeline, *window, from_index=index)
        assert list(rest) == upwards[place:]
        rest = exchange.newest_first(timeline, *window, from_index=index)
        assert list(rest) == upwards[: place + 1][::-1]


class Counted(list[Fill]):
    """Counts how many of its rows are read."""

    looked_at = 0

    def __getitem__(self, index: Any) -> Any:
        self.looked_at += 1
        return super().__getitem__(index)


def test_a_page_costs_its_own_length(server_state: ServerState, exchange: ExchangeState) -> None:
    now = exchange.world.genesis + 40 * DAY
    exchange.world.advance_to(now)
    server_state.set_timing(Timing())
    timeline: Timeline[Fill] = Timeline()
    for fill in exchange.world.account.fills_of["BTC/USDT"].rows:
        timeline.append(fill.happened_at, fill)
    timeline.rows = counted = Counted(timeline.rows)
    assert len(counted) > 500
    page = list(islice(exchange.newest_first(timeline, 0, now, now, from_index=200), 100))
    assert len(page) == counted.looked_at == 100
    page = list(islice(exchange.oldest_first(timeline, 0, now, now, from_index=200), 100))
    assert (len(page), counted.looked_at) == (100, 200)
