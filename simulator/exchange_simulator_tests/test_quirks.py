"""What an exchange does in earnest: rows that turn up late, histories that lose their oldest rows
while they are read, rows that are added meanwhile."""

from collections.abc import Iterator
from decimal import Decimal
from itertools import islice
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exchange_simulator import Quirks, Simulator, World, serve
from exchange_simulator.bybit.names import execution_id
from exchange_simulator.exchange import Exchange, House
from exchange_simulator.markets import DAY, HOUR, MINUTE
from exchange_simulator.records import Fill
from exchange_simulator.timeline import Timeline
from exchange_simulator_tests.client import all_pages, signed
from exchange_simulator_tests.conftest import NOW

EXECUTIONS = "/v5/execution/list"
WINDOW = {"category": "spot", "startTime": NOW - 3 * DAY, "endTime": NOW, "limit": 20}
HALF_LATE = Quirks(late_share=Decimal("0.5"), late=2 * HOUR)


@pytest.fixture
def quirky(world: World) -> Iterator[Simulator]:
    """The default world at NOW, for tests that change its quirks."""
    with serve(world, clock=lambda: NOW, limits=False) as simulator:
        yield simulator


def ids(rows: list[dict[str, Any]]) -> list[str]:
    return [row["execId"] for row in rows]


def happened(simulator: Simulator, since: int, until: int) -> list[str]:
    """The spot trades of a time, the newest first."""
    simulator.world.live_until(until)
    fills = simulator.world.account.executions["spot"]
    span = fills.span(since, until)
    return [execution_id(simulator.world, fills.rows[index]) for index in reversed(span)]


# -- late --------------------------------------------------------------------------------------


def test_late_rows_turn_up_exactly_once(quirky: Simulator) -> None:
    since, until = NOW - 3 * DAY, NOW
    quirky.set_quirks(HALF_LATE)
    true = happened(quirky, since, until)
    first = ids(all_pages(quirky, EXECUTIONS, WINDOW))
    older = set(happened(quirky, since, until - 2 * HOUR))
    young = set(true) - older
    assert older <= set(first) < set(true)
    assert 0 < len(young & set(first)) < len(young), "some are late, not all"

    quirky.set_clock(lambda: NOW + HOUR)
    then = ids(all_pages(quirky, EXECUTIONS, WINDOW))
    assert set(first) <= set(then)
    quirky.set_clock(lambda: NOW + 2 * HOUR)
    finally_ = ids(all_pages(quirky, EXECUTIONS, WINDOW))
    assert finally_ == true, "each of them once, and where it belongs"


def test_the_truth_does_not_wait_for_late_rows(quirky: Simulator) -> None:
    at = quirky.world.genesis + 10 * DAY
    quirky.set_clock(lambda: at)
    punctual = quirky.truth()
    quirky.set_quirks(Quirks(Decimal("0.5"), late=2 * HOUR, forgets=HOUR))
    signed(quirky, "/v5/account/info")
    assert quirky.truth() == punctual


def test_an_order_is_late_after_its_end(quirky: Simulator) -> None:
    account = quirky.world.account
    quirky.set_quirks(Quirks(late_share=Decimal(1), late=HOUR))
    for order in (o for o in account.orders_of["spot"].rows if o.fills):
        if order.ended_at and order.ended_at - order.created_at > DAY:
            break
    assert order.ended_at is not None
    by_id = {"category": "spot", "orderId": order.order_id}

    def found(at: int) -> int:
        quirky.set_clock(lambda: at)
        return len(signed(quirky, "/v5/order/history", by_id).result["list"])

    assert found(order.ended_at + HOUR - 1) == 0
    assert found(order.ended_at + HOUR) == 1


def test_every_row_is_late_or_none() -> None:
    assert {Quirks(late_share=Decimal(1), late=5).delay(n) for n in range(1000)} == {5}
    assert {Quirks(late_share=Decimal(0), late=5).delay(n) for n in range(1000)} == {0}
    late = sum(Quirks(Decimal("0.3"), 5).delay(number) > 0 for number in range(10_000))
    assert 2800 < late < 3200


# -- forgets -----------------------------------------------------------------------------------


def test_rows_vanish_from_the_old_end_while_it_is_paged(world: World) -> None:
    born = world.genesis
    window = {"category": "spot", "startTime": born, "endTime": born + 7 * DAY, "limit": 20}
    with serve(world, clock=lambda: born + 7 * DAY, limits=False) as simulator:
        true = happened(simulator, born, born + 7 * DAY)
        assert ids(all_pages(simulator, EXECUTIONS, window)) == true
        simulator.set_quirks(Quirks(forgets=2 * HOUR))
        seen = ids(all_pages(simulator, EXECUTIONS, window))
        assert seen == true[: len(seen)], "the newest are all there"
        requests = len(seen) // 20 + 1
        assert set(true) - set(seen) == set(true) - set(
            happened(simulator, born + 2 * HOUR * requests, born + 7 * DAY)
        )
        assert 20 < len(seen) < len(true) - 20
        simulator.set_quirks(Quirks())
        assert ids(all_pages(simulator, EXECUTIONS, window)) == true


def test_histories_may_begin_later_than_the_world(quirky: Simulator) -> None:
    quirky.set_quirks(Quirks(begin=NOW - 2 * DAY, forgets=HOUR))
    rows = ids(signed(quirky, EXECUTIONS, WINDOW | {"limit": 100}).result["list"])
    assert rows == happened(quirky, NOW - 2 * DAY + HOUR, NOW)[:100]
    window = {"category": "spot", "startTime": NOW - 3 * DAY, "endTime": NOW - 2 * DAY + HOUR}
    assert signed(quirky, EXECUTIONS, window).result["list"] == []


# -- hurry -------------------------------------------------------------------------------------


def test_rows_appear_between_two_pages(quirky: Simulator) -> None:
    quirky.set_quirks(Quirks(hurry=10 * MINUTE))
    window = {"category": "spot", "startTime": NOW - DAY, "limit": 5}
    began = NOW
    rows = ids(all_pages(quirky, EXECUTIONS, window))
    assert rows == happened(quirky, NOW - DAY, began), "a cursor leads to older rows alone"
    assert quirky.now() > began + 5 * 10 * MINUTE
    again = ids(all_pages(quirky, EXECUTIONS, window))
    assert set(rows) < set(again), "meanwhile there are more"


def test_who_has_missed_the_hurry_is_not_refused(quirky: Simulator) -> None:
    quirky.set_quirks(Quirks(hurry=HOUR))
    for stamp in (NOW, quirky.now(), NOW - 4000):
        assert signed(quirky, "/v5/account/info", stamp=stamp).code == 0
    assert quirky.now() == NOW + 3 * HOUR
    assert signed(quirky, "/v5/account/info", stamp=NOW - 5001).code == 10002
    assert signed(quirky, "/v5/account/info", stamp=NOW + 9 * HOUR).code == 10002


# -- what faces read histories through -----------------------------------------------------------


@pytest.fixture(scope="module")
def house() -> House:
    return House(lambda: 0, (), limits=True)


@pytest.fixture(scope="module")
def exchange(house: House) -> Exchange:
    return Exchange(house, World(seed=12, ties=50))


@settings(max_examples=100, deadline=None)
@given(
    start=st.integers(0, 40 * DAY),
    length=st.integers(0, 8 * DAY),
    age=st.integers(0, 40 * DAY),
    late=st.sampled_from([0, 6 * HOUR]),
)
def test_both_ways_show_the_same_rows(
    house: House, exchange: Exchange, start: int, length: int, age: int, late: int
) -> None:
    genesis = exchange.world.genesis
    house.set_quirks(Quirks(Decimal("0.5"), late))
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
    """Rows that know how many of them were looked at."""

    looked_at = 0

    def __getitem__(self, index: Any) -> Any:
        self.looked_at += 1
        return super().__getitem__(index)


def test_a_page_costs_its_own_length(house: House, exchange: Exchange) -> None:
    now = exchange.world.genesis + 40 * DAY
    exchange.world.live_until(now)
    house.set_quirks(Quirks())
    timeline: Timeline[Fill] = Timeline()
    for fill in exchange.world.account.fills_of["BTC/USDT"].rows:
        timeline.append(fill.happened_at, fill)
    timeline.rows = counted = Counted(timeline.rows)
    assert len(counted) > 500
    page = list(islice(exchange.newest_first(timeline, 0, now, now, from_index=200), 100))
    assert len(page) == counted.looked_at == 100
    page = list(islice(exchange.oldest_first(timeline, 0, now, now, from_index=200), 100))
    assert (len(page), counted.looked_at) == (100, 200)
