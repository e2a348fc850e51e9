"""Faults that change which rows of a history the exchange reads."""

from typing import Any

import pytest

from exchange_simulator import Simulator
from exchange_simulator.markets import DAY
from exchange_simulator_tests.conftest import NOW
from exchange_simulator_tests.faults.clients import ask

BYBIT = "/v5/execution/list"
OKX = "/api/v5/asset/deposit-history"
BINANCE = "/fapi/v1/income"


def times(simulator: Simulator, path: str, first: int, last: int) -> list[int]:
    """The times of the rows from `first` to `last`, both inclusive."""
    params: dict[str, Any]
    if path == OKX:
        rows = ask(simulator, path, {"before": first - 1, "after": last + 1})["data"]
        return [int(row["ts"]) for row in rows]
    params = {"startTime": first, "endTime": last}
    if path == BINANCE:
        return [int(row["time"]) for row in ask(simulator, path, params)]
    rows = ask(simulator, path, params | {"category": "linear"})["result"]["list"]
    return [int(row["execTime"]) for row in rows]


@pytest.mark.parametrize("path", [BYBIT, OKX, BINANCE])
def test_the_end_of_a_window_is_excluded(faulty: Simulator, path: str) -> None:
    faulty.set_faults()
    span = 80 if path == OKX else 6  # days
    found = sorted(set(times(faulty, path, NOW - span * DAY, NOW)))
    assert len(found) > 2
    first, last = found[0], found[-1]
    assert {first, last} <= set(times(faulty, path, first, last))
    faulty.set_faults(f"exclusive-end:{path}")
    again = times(faulty, path, first, last)
    assert first in again
    assert last not in again
    assert last in times(faulty, path, first, last + 1)


@pytest.mark.parametrize("path", [BYBIT, OKX, BINANCE])
def test_a_window_is_ignored(faulty: Simulator, path: str) -> None:
    first, last = NOW - 6 * DAY, NOW - 5 * DAY
    faulty.set_faults()
    assert all(first <= time <= last for time in times(faulty, path, first, last))
    faulty.set_faults(f"no-window:{path}")
    assert not all(first <= time <= last for time in times(faulty, path, first, last))


def test_a_window_is_shortened(faulty: Simulator) -> None:
    faulty.set_faults()
    first, last = NOW - 30 * DAY, NOW - 10 * DAY
    given = times(faulty, OKX, first, last)
    faulty.set_faults("short-window=10")
    shortened = times(faulty, OKX, first, last)
    assert shortened == [time for time in given if time >= last - 10 * DAY]
    assert 0 < len(shortened) < len(given)


def test_old_rows_are_not_served(faulty: Simulator) -> None:
    faulty.set_faults()
    given = times(faulty, OKX, NOW - 30 * DAY, NOW)
    faulty.set_faults("short-retention=10")
    served = times(faulty, OKX, NOW - 30 * DAY, NOW)
    assert served == [time for time in given if time >= NOW - 10 * DAY]
    assert 0 < len(served) < len(given)
    assert times(faulty, OKX, NOW - 30 * DAY, NOW - 11 * DAY) == []
