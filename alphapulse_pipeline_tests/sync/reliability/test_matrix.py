"""Every fault, on every dataset and exchange: nothing is lost, doubled, emptied or invented."""

import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from zlib import crc32

import pytest

from alphapulse_pipeline_tests.sync.reliability.cells import Cells
from alphapulse_pipeline_tests.sync.reliability.faults import BadDay, bad_days
from alphapulse_pipeline_tests.sync.reliability.judge import Harm
from alphapulse_pipeline_tests.sync.reliability.page import Tried, page
from alphapulse_pipeline_tests.sync.reliability.scene import BEFORE, HOUR, NOW
from exchange_simulator import EXCHANGES

COMMITTED = Path(__file__).parents[3] / "docs" / "reliability.md"
ONE_IN = 24
"""So many of the cells are tried where not all are, each with one of its faults."""

ONCE = {
    "bybit": [
        ("trades", "missing=execFee"),
        ("trades", "retyped=isMaker"),
        ("orders", "missing=side"),
        ("transfers", "missing=successAt"),
        ("balances", "nulled=locked"),
        ("prices", "missing=openInterestValue"),
    ],
    "binance": [
        ("orders", "empty:/fapi/v1/allOrders"),
        ("orders", "empty:/dapi/v1/allAlgoOrders"),
        ("orders", "previous:/sapi/v1/margin/order"),
        ("orders", "missing=cummulativeQuoteQty"),
        ("orders", "missing=clientAlgoId"),
        ("trades", "retyped=isIsolated"),
        ("positions", "missing=notional"),
        ("prices", "missing=bidQty"),
    ],
    "okx": [
        ("orders", "empty:/api/v5/trade/orders-history"),
        ("orders", "empty:/api/v5/trade/orders-history-archive"),
        ("orders", "empty:/api/v5/trade/orders-pending"),
        ("orders", "retyped=avgPx"),
        ("balances", "missing=details"),
    ],
    "kraken": [
        ("orders", "retyped=leverage"),
        ("orders", "empty:/0/private/OpenOrders"),
        ("orders", "missing=closetm"),
    ],
}
"""Each lost, invented or claimed something once."""

Begin = Callable[[str], Cells]


@pytest.mark.parametrize("exchange", EXCHANGES)
def test_some_bad_days_do_no_harm(exchange: str, cells: Begin) -> None:
    begun = cells(exchange)
    for dataset in begun.scene.datasets:
        for day in begun.days(dataset):
            dice = crc32(f"{exchange} {dataset} {day.name} {day.answer}".encode())
            if dice % ONE_IN:
                continue
            fault = day.faults[dice // ONE_IN % len(day.faults)]
            end, harm = begun.try_out(dataset, day, fault)
            assert (end != "bug", harm) == (True, Harm()), f"{dataset} under {fault}"


@pytest.mark.parametrize("exchange", EXCHANGES)
def test_what_did_harm_once_fails_and_says_why(exchange: str, cells: Begin) -> None:
    begun = cells(exchange)
    for dataset, fault in ONCE[exchange]:
        end, harm = begun.try_out(dataset, BadDay("", "", (fault,)), fault)
        named = end in ("suspect", "unreadable", "incomplete", "rejected")
        assert (named, harm) == (True, Harm()), (dataset, fault, end)


@pytest.mark.nightly
def test_every_bad_day_does_no_harm(cells: Begin) -> None:
    tried: dict[str, Tried] = {}
    wrong = []
    for exchange in EXCHANGES:
        begun = cells(exchange)
        for dataset in begun.scene.datasets:
            before = ""
            for day in begun.days(dataset):
                before = day.name if not day.name.startswith("...") else before
                one = tried.setdefault(f"{before} {day.name}", Tried(day))
                for fault in day.faults:
                    end, harm = begun.try_out(dataset, day, fault)
                    one.ends.setdefault(exchange, Counter())[end] += 1
                    one.harm += harm
                    if harm or end == "bug":
                        wrong.append(f"{exchange} {dataset} under {fault}: {end} {harm}")
    assert wrong == []
    if path := os.environ.get("ALPHAPULSE_RELIABILITY"):
        written = page(tried, tuple(EXCHANGES), (NOW - BEFORE) // HOUR)
        Path(path).write_text(written, encoding="utf-8")


def test_the_committed_page_tells_of_every_bad_day() -> None:
    lines = COMMITTED.read_text(encoding="utf-8").splitlines()
    reported = [line.split(" | ") for line in lines]
    days = [day.name for day in bad_days("bybit", (), ())]
    assert [
        cells[0].removeprefix("| ") for cells in reported if len(cells) == 3 + len(EXCHANGES)
    ] == [
        "Fault",
        "---",
        *days,
    ]
    harm = [cells[-1] for cells in reported if cells[0].removeprefix("| ") in days]
    assert set(harm) == {"0 |"}
