"""OKX: paging of fills by id and by time: caps, bounds and ties."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exchange_simulator import Key, Simulator, World, serve
from exchange_simulator.markets import DAY, HOUR
from exchange_simulator.okx.call import Call
from exchange_simulator.okx.identity import moment, snowflake
from exchange_simulator.okx.pages import by_id, by_time
from exchange_simulator.state import ExchangeState, ServerState
from exchange_simulator.timeline import Timeline
from exchange_simulator.timing import Timing
from exchange_simulator_tests.conftest import NOW
from exchange_simulator_tests.okx_client import rows, walk

FILLS = "trade/fills-history"
ARCHIVE = "trade/orders-history-archive"
BILLS = "account/bills-archive"
Truth = dict[str, Any]


@pytest.fixture(scope="module")
def okx(world: World) -> Iterator[Simulator]:
    """The default world's account on OKX, with the clock frozen at NOW."""
    with serve(world, clock=lambda: NOW, limits=False) as simulator:
        yield simulator


@pytest.fixture(scope="module")
def facts(okx: Simulator) -> Truth:
    return okx.truth(exchange="okx")


@pytest.fixture(scope="module")
def with_expired(okx: Simulator) -> Truth:
    """The truth including expired rows."""
    return okx.truth(exchange="okx", expired=True)


@pytest.fixture(scope="module")
def spot_fills(okx: Simulator) -> list[dict[str, Any]]:
    return walk(okx, FILLS, {"instType": "SPOT"})


def test_fills_are_complete_newest_first_and_once_each(
    facts: Truth, spot_fills: list[dict[str, Any]]
) -> None:
    ids = [int(row["billId"]) for row in spot_fills]
    assert ids == sorted(set(ids), reverse=True)
    times = [int(row["ts"]) for row in spot_fills]
    assert times == sorted(times, reverse=True)
    expected = {t["trade_id"] for t in facts["trades"] if ":" not in t["market"]}
    assert len(expected) > 3000
    assert {row["billId"] for row in spot_fills} == expected


def test_only_an_empty_page_is_the_end(okx: Simulator, spot_fills: list[dict[str, Any]]) -> None:
    last = spot_fills[-100:]
    page = rows(okx, FILLS, {"instType": "SPOT", "after": spot_fills[-101]["billId"]})
    assert page == last
    assert rows(okx, FILLS, {"instType": "SPOT", "after": page[-1]["billId"]}) == []


def test_before_returns_the_newest_of_the_newer_rows(
    okx: Simulator, spot_fills: list[dict[str, Any]]
) -> None:
    asked = {"instType": "SPOT", "before": spot_fills[500]["billId"]}
    assert rows(okx, FILLS, asked) == spot_fills[:100]
    assert rows(okx, FILLS, asked | {"limit": 7}) == spot_fills[:7]
    near = {"instType": "SPOT", "before": spot_fills[3]["billId"]}
    assert rows(okx, FILLS, near) == spot_fills[:3]


def test_after_and_before_are_exclusive(okx: Simulator, spot_fills: list[dict[str, Any]]) -> None:
    between = {"after": spot_fills[40]["billId"], "before": spot_fills[50]["billId"]}
    assert rows(okx, FILLS, {"instType": "SPOT"} | between) == spot_fills[41:50]


@pytest.mark.parametrize(("limit", "count"), [({}, 100), ({"limit": 1}, 1), ({"limit": 500}, 100)])
@pytest.mark.parametrize(
    ("path", "params"),
    [
        (FILLS, {"instType": "SPOT"}),
        ("trade/fills", {}),
        (ARCHIVE, {"instType": "SPOT"}),
        ("trade/orders-history", {"instType": "SPOT"}),
        (BILLS, {}),
        ("account/bills", {}),
        ("asset/bills-history", {}),
    ],
)
def test_at_most_a_hundred_rows(
    okx: Simulator, path: str, params: dict[str, Any], limit: dict[str, int], count: int
) -> None:
    assert len(rows(okx, path, params | limit)) == count


def test_begin_and_end_are_inclusive(okx: Simulator, spot_fills: list[dict[str, Any]]) -> None:
    newer, older = int(spot_fills[20]["ts"]), int(spot_fills[60]["ts"])

    def found(begin: int, end: int) -> list[dict[str, Any]]:
        return rows(okx, FILLS, {"instType": "SPOT", "begin": begin, "end": end})

    expected = [row for row in spot_fills if older <= int(row["ts"]) <= newer]
    assert found(older, newer) == expected
    assert found(older + 1, newer - 1) == [
        row for row in expected if older < int(row["ts"]) < newer
    ]
    assert found(newer, newer)[0]["ts"] == str(newer)


@settings(max_examples=12, deadline=None)
@given(
    limit=st.integers(7, 100),
    edges=st.tuples(st.integers(0, 12 * DAY), st.integers(0, 12 * DAY)),
    kind=st.sampled_from(["SPOT", "SWAP"]),
)
def test_paging_by_bill_finds_everything(
    okx: Simulator, facts: Truth, limit: int, edges: tuple[int, int], kind: str
) -> None:
    begin, end = NOW - max(edges), NOW - min(edges)
    found = walk(okx, FILLS, {"instType": kind, "limit": limit, "begin": begin, "end": end})
    assert [row["billId"] for row in found] == sorted(
        (
            trade["trade_id"]
            for trade in facts["trades"]
            if (":" in trade["market"]) == (kind == "SWAP") and begin <= trade["executed_at"] <= end
        ),
        key=int,
        reverse=True,
    )


def test_instruments_share_trade_ids(spot_fills: list[dict[str, Any]]) -> None:
    pairs = [(row["instId"], row["tradeId"]) for row in spot_fills]
    assert len(set(pairs)) == len(pairs)
    assert len({trade for _, trade in pairs}) < len(pairs)


def test_an_order_filled_in_one_millisecond_needs_its_id() -> None:
    tied = World(seed=3, ties=130)
    now = tied.genesis + 12 * DAY
    with serve(tied, clock=lambda: now, limits=False) as simulator:
        trades = simulator.truth(exchange="okx")["trades"]
        for kind in ("SPOT", "SWAP"):
            by_bill = walk(simulator, FILLS, {"instType": kind})
            expected = {t["trade_id"] for t in trades if (":" in t["market"]) == (kind == "SWAP")}
            assert {row["billId"] for row in by_bill} == expected
            assert len(by_bill) == len(expected)
        # paging by time cannot reach the rest of a full page's last millisecond
        times = [t["executed_at"] for t in trades if ":" not in t["market"]]
        crowded = max(set(times), key=times.count)
        assert times.count(crowded) >= 130
        at_once = {"instType": "SPOT", "begin": crowded, "end": crowded}
        assert len(rows(simulator, FILLS, at_once)) == 100


def test_pages_stay_complete_while_new_fills_arrive(world: World) -> None:
    clock = [NOW - 5 * DAY]
    asked = {"instType": "SPOT", "begin": NOW - 8 * DAY, "limit": 10}
    with serve(world, clock=lambda: clock[0], limits=False) as simulator:
        first_seen = [row["billId"] for row in walk(simulator, FILLS, asked)]
        seen: list[str] = []
        while True:
            page = rows(simulator, FILLS, asked | ({"after": seen[-1]} if seen else {}))
            if not page:
                break
            seen += [row["billId"] for row in page]
            clock[0] += HOUR
        arrived = rows(simulator, FILLS, asked)[0]["billId"]
    assert seen == first_seen
    assert arrived not in seen, "no row arrived during the test"


@pytest.mark.parametrize(
    ("kind", "subtypes", "category", "bill_type"),
    [
        ("liquidation", {"106", "107"}, "full_liquidation", "5"),
        ("adl", {"127", "128"}, "adl", "9"),
    ],
)
def test_forced_fills_of_a_position(
    world: World,
    with_expired: Truth,
    kind: str,
    subtypes: set[str],
    category: str,
    bill_type: str,
) -> None:
    done = [t for t in with_expired["trades"] if t["kind"] == kind]
    at = done[-1]["executed_at"]
    with serve(world, clock=lambda: at + HOUR, limits=False) as simulator:
        moments = {"instType": "SWAP", "begin": done[0]["executed_at"], "end": at}
        fills = walk(simulator, FILLS, moments)
        order = rows(
            simulator,
            "trade/order",
            {"instId": fills[0]["instId"], "ordId": fills[0]["ordId"]},
        )[0]
        types = {row["type"] for row in walk(simulator, BILLS, moments)}
    assert {row["billId"] for row in fills} == {t["trade_id"] for t in done}
    for row in fills:
        assert row["subType"] in subtypes
        assert row["execType"] == ""
        assert int(row["tradeId"]) < 0
    assert (order["category"], order["state"]) == (category, "filled")
    assert bill_type in types


# -- ties and timing ------------------------------------------------------------------------------


class Row(NamedTuple):
    number: int
    happened_at: int


def test_paging_by_time_loses_ties_at_a_page_boundary(young_world: World) -> None:
    at = young_world.genesis + DAY
    timeline: Timeline[Row] = Timeline()
    for place, happened_at in enumerate((at - 2, at - 1, at, at, at, at + 1)):
        timeline.append(happened_at, Row(place, happened_at))
    exchange = ExchangeState(ServerState(lambda: at + 5, (), limits=False), young_world)

    def call(**params: int) -> Call:
        asked = {name: str(value) for name, value in params.items()}
        return Call(exchange, asked, at + 5, Key())

    def number(row: Row) -> int:
        return snowflake(row.happened_at, row.number)

    page = by_time(call(limit=3), timeline, lambda row: True)
    assert [row.number for row in page] == [5, 4, 3]
    page = by_time(call(limit=3, after=at), timeline, lambda row: True)
    assert [row.number for row in page] == [1, 0], "row 2 is on neither page"
    newer = by_time(call(before=at), timeline, lambda row: True)
    assert [row.number for row in newer] == [5]
    page = by_id(call(limit=3, after=snowflake(at, 3)), timeline, number, lambda row: True)
    assert [row.number for row in page] == [2, 1, 0]
    assert moment(snowflake(at, 3)) == at


def test_late_rows_are_not_on_any_page_before(world: World) -> None:
    asked: dict[str, Any] = {"instType": "SPOT", "begin": NOW - 6 * HOUR, "end": NOW}
    clock = [NOW]
    with serve(world, clock=lambda: clock[0], limits=False) as simulator:
        everything = walk(simulator, FILLS, asked)
        newest = int(everything[0]["ts"])
        early = [row for row in everything if int(row["ts"]) <= newest - 60_000]
        assert len(early) < len(everything)
        simulator.set_timing(Timing(late_share=Decimal(1), late_by=60_000))
        clock[0] = newest
        assert walk(simulator, FILLS, asked) == early
        clock[0] = newest + 60_000
        assert walk(simulator, FILLS, asked) == everything
