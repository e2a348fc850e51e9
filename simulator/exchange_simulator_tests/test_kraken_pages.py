"""Paging of histories, and every case in which rows can be missed."""

from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from exchange_simulator import Simulator, Timing, serve
from exchange_simulator.markets import DAY, HOUR
from exchange_simulator_tests.kraken_client import (
    NOW,
    all_pages,
    ninety_days,
    private,
)

SINGLE = {"consolidate_taker": "false"}


@pytest.fixture(scope="module")
def kraken() -> Iterator[Simulator]:
    with serve(ninety_days(), clock=lambda: NOW, limits=False) as simulator:
        yield simulator


@pytest.fixture(scope="module")
def facts(kraken: Simulator) -> dict[str, Any]:
    return kraken.truth(exchange="kraken")


def milliseconds(time: Decimal | int) -> int:
    return int(time * 1000)


def ids(rows: list[dict[str, Any]], name: str = "trade_id") -> set[str]:
    return {row[name] for row in rows}


def test_a_page_has_fifty_rows_the_newest_first(kraken: Simulator, facts: dict[str, Any]) -> None:
    page = private(kraken, "TradesHistory", SINGLE).result
    times = [row["time"] for row in page["trades"].values()]
    newest = facts["trades"][-50:]
    assert times == sorted(times, reverse=True)
    assert list(page["trades"]) == [trade["trade_id"] for trade in reversed(newest)]
    assert page["count"] == len(facts["trades"]) > 1000


def test_a_trade(kraken: Simulator, facts: dict[str, Any]) -> None:
    trades = private(kraken, "TradesHistory", SINGLE).result["trades"]
    for trade in facts["trades"][-50:]:
        row = trades[trade["trade_id"]]
        assert milliseconds(row["time"]) == trade["executed_at"]
        assert Decimal(row["price"]) == Decimal(trade["price"])
        assert Decimal(row["vol"]) == Decimal(trade["amount"])
        assert Decimal(row["cost"]) == Decimal(trade["cost"])
        assert Decimal(row["fee"]) == Decimal(trade["fee_cost"])
        assert trade["fee_currency"] == trade["market"].partition("/")[2]
        assert row["maker"] == (trade["taker_or_maker"] == "maker")
        assert (row["type"], row["ordertxid"]) == (trade["side"], trade["order_id"])


def test_times_have_four_decimals_and_ids_no_order(kraken: Simulator) -> None:
    trades = private(kraken, "TradesHistory", SINGLE).result["trades"]
    assert {-row["time"].as_tuple().exponent for row in trades.values()} <= {1, 4}
    assert list(trades) not in (sorted(trades), sorted(trades, reverse=True))
    assert all(len(name) == 19 and name[0] == "T" for name in trades)


def test_offsets_reach_every_trade(kraken: Simulator, facts: dict[str, Any]) -> None:
    start, end = (NOW - 20 * DAY) // 1000, (NOW - 10 * DAY) // 1000
    found = all_pages(kraken, "TradesHistory", "trades", SINGLE | {"start": start, "end": end})
    wanted = [t for t in facts["trades"] if start * 1000 < t["executed_at"] <= end * 1000]
    assert found.keys() == ids(wanted)
    assert len(wanted) > 100
    past = private(kraken, "TradesHistory", SINGLE | {"ofs": len(facts["trades"])}).result
    assert past == {"trades": {}, "count": len(facts["trades"])}


def test_new_rows_shift_offsets_unless_the_end_is_fixed(
    kraken: Simulator, facts: dict[str, Any]
) -> None:
    def second_page(**more: Any) -> list[str]:
        return list(private(kraken, "TradesHistory", SINGLE | {"ofs": 50} | more).result["trades"])

    end = NOW // 1000
    open_ended, fixed = second_page(), second_page(end=end)
    try:
        kraken.set_clock(lambda: NOW + 6 * HOUR)
        shifted = second_page()
        assert shifted != open_ended
        assert second_page(end=end) == fixed
        new = len(kraken.truth(exchange="kraken")["trades"]) - len(facts["trades"])
        assert shifted[new:] == open_ended[: 50 - new]
    finally:
        kraken.set_clock(lambda: NOW)


def test_fractions_of_seconds_are_cut_off(kraken: Simulator, facts: dict[str, Any]) -> None:
    trade = next(t for t in facts["trades"][-200:] if t["executed_at"] % 1000)
    second = trade["executed_at"] // 1000
    name = trade["trade_id"]

    def found(**window: Any) -> bool:
        return name in all_pages(kraken, "TradesHistory", "trades", SINGLE | window)

    # an end after the trade but within its second is truncated to before it
    assert not found(start=second - 5, end=f"{second}.9999")
    assert found(start=second - 5, end=second + 1)
    # a start after the trade but within its second is truncated to before it
    assert found(start=f"{second}.9999", end=second + 1)


def test_the_start_is_exclusive_and_the_end_inclusive(
    kraken: Simulator, facts: dict[str, Any]
) -> None:
    entry = next(e for e in facts["ledger"] if e["happened_at"] % 1000 == 0)
    second, name = entry["happened_at"] // 1000, entry["entry_id"]

    def found(start: int, end: int) -> bool:
        return name in private(kraken, "Ledgers", {"start": start, "end": end}).result["ledger"]

    assert found(second - 1, second)
    assert not found(second, second + 1)


def test_an_id_is_more_precise_than_its_time(kraken: Simulator, facts: dict[str, Any]) -> None:
    by_time: dict[int, list[str]] = defaultdict(list)
    for trade in facts["trades"]:
        by_time[trade["executed_at"]].append(trade["trade_id"])
    tied = next(names for names in by_time.values() if 3 <= len(names) <= 50)
    behind = SINGLE | {"start": tied[0], "end": tied[-2]}
    assert list(private(kraken, "TradesHistory", behind).result["trades"]) == tied[-2:0:-1]


def test_fills_of_one_millisecond_need_more_than_a_page(
    kraken: Simulator, facts: dict[str, Any]
) -> None:
    by_time: dict[int, set[str]] = defaultdict(set)
    for trade in facts["trades"]:
        by_time[trade["executed_at"]].add(trade["trade_id"])
    at, tied = max(by_time.items(), key=lambda item: len(item[1]))
    assert len(tied) > 50
    window = SINGLE | {"start": at // 1000 - 1, "end": at // 1000 + 1}
    assert tied <= all_pages(kraken, "TradesHistory", "trades", window).keys()


def test_the_count_is_that_of_the_window_and_can_be_left_out(kraken: Simulator) -> None:
    window = SINGLE | {"start": (NOW - 2 * DAY) // 1000}
    whole = private(kraken, "TradesHistory", window).result
    bare = private(kraken, "TradesHistory", window | {"without_count": "true"}).result
    assert bare == {"trades": whole["trades"]}
    assert whole["count"] == len(all_pages(kraken, "TradesHistory", "trades", window))


def test_simultaneous_taker_fills_are_one_trade_by_default(
    kraken: Simulator, facts: dict[str, Any]
) -> None:
    window = {"start": (NOW - 20 * DAY) // 1000, "end": (NOW - DAY) // 1000}
    merged = all_pages(kraken, "TradesHistory", "trades", window)
    single = all_pages(kraken, "TradesHistory", "trades", SINGLE | window)
    assert merged.keys() < single.keys()
    for sums in ("vol", "cost", "fee"):
        whole = sum(Decimal(row[sums]) for row in single.values())
        assert sum(Decimal(row[sums]) for row in merged.values()) == whole
    makers = {name for name, row in single.items() if row["maker"]}
    assert makers <= merged.keys()
    assert len({(r["ordertxid"], r["time"]) for r in merged.values() if not r["maker"]}) == len(
        merged
    ) - len(makers)


def test_there_are_no_positions(kraken: Simulator) -> None:
    assert private(kraken, "TradesHistory", {"type": "closed position"}).result == {
        "trades": {},
        "count": 0,
    }
    assert private(kraken, "OpenPositions").result == {}
    assert private(kraken, "OpenPositions", {"consolidation": "market"}).result == []


def test_late_rows_are_not_on_any_page(kraken: Simulator, facts: dict[str, Any]) -> None:
    newest = facts["trades"][-1]["trade_id"]
    try:
        kraken.set_timing(Timing(late_share=Decimal(1), late_by=DAY))
        found = private(kraken, "TradesHistory", SINGLE).result
        early = [t for t in facts["trades"] if t["executed_at"] <= NOW - DAY]
        assert next(iter(found["trades"])) == early[-1]["trade_id"]
        assert found["count"] == len(early)
        assert private(kraken, "QueryTrades", {"txid": newest}).result == {}
        for name, rows, time in (
            ("Ledgers", "ledger", "time"),
            ("ClosedOrders", "closed", "closetm"),
        ):
            page = private(kraken, name).result[rows]
            assert max(milliseconds(row[time]) for row in page.values()) <= NOW - DAY
    finally:
        kraken.set_timing(Timing())
    assert newest in private(kraken, "QueryTrades", {"txid": newest}).result
