"""Parsing of faults, and the requests on which they fire."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchange_simulator import Simulator, World, parse_fault, serve
from exchange_simulator.faults.kinds import KINDS
from exchange_simulator_tests.client import get
from exchange_simulator_tests.conftest import NOW

TIME = "/v5/market/time"
TICKERS = "/v5/market/tickers?category=linear"


def fired(simulator: Simulator, path: str = TIME, times: int = 30) -> list[int]:
    """The numbers, from 1, of the requests on which a fault `status=500` fired."""
    return [number for number in range(1, times + 1) if get(simulator, path).status == 500]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not of the form"),
        ("hmtl", "unknown fault 'hmtl'"),
        ("html=3", "takes no value"),
        ("status", "needs a value"),
        ("status=blue", "needs a number"),
        ("status=42", "from 200 to 599"),
        ("status=503.5", "whole number"),
        ("delay=-1", "negative"),
        ("delay=nan", "finite"),
        ("throttled=-5", "negative"),
        ("banned", "needs a value"),
        ("missing", "needs a value"),
        ("page=0", "more than 0"),
        ("exclusive-end=1", "takes no value"),
        ("short-window", "needs a value"),
        ("missing=a b", "field name"),
        ("reset=sometimes", "must be one of headers, body"),
        ("key=everything", "must be one of expired, ip, "),
        ("clock=1:/v5", "no path"),
        ("clock=1*2", "no path, times"),
        ("clock=1@10-20", "no path, times or condition"),
        ("html*often", "not of the form"),
        ("html@", "not a condition"),
        ("html@noon", "not a condition"),
        ("html@0%", "not a probability"),
        ("html@101%", "not a probability"),
        ("html@0", "first request is number 1"),
        ("html@9-3", "ends before it begins"),
        ("html@9s-3s", "ends before it begins"),
        ("html@5s", "not a condition"),
        ("html@20%*3", "not a condition"),
    ],
)
def test_invalid_faults_are_explained(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message) as refused:
        parse_fault(text)
    assert "\n" not in str(refused.value)


def test_an_unknown_kind_lists_all_kinds() -> None:
    with pytest.raises(ValueError, match="known faults") as refused:
        parse_fault("help")
    assert [name for name in KINDS if name not in str(refused.value)] == []


def test_a_path_limits_a_fault(faulty: Simulator) -> None:
    faulty.set_faults("status=503:/v5/position/list")
    assert get(faulty, TIME).status == 200
    assert get(faulty, "/v5/position/list").status == 503


def test_a_number_of_times_limits_a_fault(faulty: Simulator) -> None:
    faulty.set_faults("status=500*2")
    assert fired(faulty) == [1, 2]


@pytest.mark.parametrize(
    ("when", "expected"),
    [("@3", [3]), ("@3-5", [3, 4, 5]), ("@29-", [29, 30]), ("@3-5@4-", [4, 5])],
)
def test_a_schedule_counts_the_requests_of_its_path(
    faulty: Simulator, when: str, expected: list[int]
) -> None:
    faulty.set_faults(f"status=500:{TIME}{when}")
    for _ in range(2):
        get(faulty, TICKERS)
    assert fired(faulty) == expected


def test_times_count_firings_rather_than_requests(faulty: Simulator) -> None:
    faulty.set_faults("status=500*2@10-")
    assert fired(faulty) == [10, 11]


def test_a_schedule_by_time_follows_the_clock_of_the_exchange(faulty: Simulator) -> None:
    faulty.set_faults("status=500@30s-60s")
    seen = []
    for seconds in (0, 29, 30, 59, 60, 90):
        faulty.set_clock(lambda now=NOW + seconds * 1000: now)  # type: ignore[misc]
        seen.append(get(faulty, TIME).status)
    assert seen == [200, 200, 500, 500, 200, 200]


def test_probability_is_accurate_and_reproducible(faulty: Simulator) -> None:
    runs = []
    for _ in range(2):
        faulty.set_faults("status=500@30%")
        runs.append(fired(faulty, times=200))
    assert runs[0] == runs[1]
    assert 40 <= len(runs[0]) <= 80


def test_dice_depend_on_the_seed_and_the_position_in_the_list(
    faulty: Simulator, young_world: World
) -> None:
    faulty.set_faults("status=500@30%")
    first = fired(faulty, times=60)
    faulty.set_faults("delay=0@30%", "status=500@30%")
    assert fired(faulty, times=60) != first
    assert young_world.seed != faulty.world.seed
    with serve(young_world, clock=lambda: NOW, faults=["status=500@30%"]) as other:
        assert fired(other, times=60) != first


def test_of_two_replacements_only_the_first_fires(
    faulty: Simulator,
) -> None:
    faulty.set_faults("status=503*1", "html*1")
    answers = [get(faulty, TIME) for _ in range(3)]
    assert [answer.status for answer in answers] == [503, 200, 200]
    assert [answer.body[:6] == b"<html>" for answer in answers] == [True, True, False]


def test_setting_faults_resets_their_counters(faulty: Simulator) -> None:
    for _ in range(2):
        faulty.set_faults("status=500@2")
        assert fired(faulty, times=3) == [2]


def test_control_endpoints_have_no_faults(faulty: Simulator) -> None:
    faulty.set_faults("status=500")
    for path in ("/__clients", "/__faults", f"/__truth?at={faulty.world.genesis}"):
        assert get(faulty, path).status == 200
    assert faulty.faults()[0]["requests"] == 0


@given(
    st.sampled_from(["html", "reset=body", "missing=execFee", "delay=0.5"]),
    st.sampled_from(["", ":/v5/execution/list"]),
    st.integers(1, 99) | st.none(),
    st.lists(st.sampled_from(["@0.5%", "@3", "@3-9", "@3-", "@1s-2.5s", "@9s-"]), max_size=3),
)
def test_all_parts_of_a_fault_can_be_combined(
    kind: str, path: str, times: int | None, whens: list[str]
) -> None:
    fault = parse_fault(kind + path + ("" if times is None else f"*{times}") + "".join(whens))
    assert fault.kind + (f"={fault.value}" if fault.value else "") == kind
    assert (fault.path, fault.times, len(fault.whens)) == (path[1:], times, len(whens))
