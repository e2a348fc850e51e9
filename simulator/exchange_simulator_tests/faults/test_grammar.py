"""How faults are written, and which requests they strike."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchange_simulator import Simulator, World, parse_fault, serve
from exchange_simulator.faults.kinds import KINDS
from exchange_simulator_tests.client import get
from exchange_simulator_tests.conftest import NOW

TIME = "/v5/market/time"
TICKERS = "/v5/market/tickers?category=linear"


def struck(simulator: Simulator, path: str = TIME, times: int = 30) -> list[int]:
    """Which of so many requests were struck by a fault `status=500`; the first is number 1."""
    return [number for number in range(1, times + 1) if get(simulator, path).status == 500]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "not of the form"),
        ("hmtl", "no fault 'hmtl'"),
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
        ("missing=a b", "name of a field"),
        ("reset=sometimes", "knows headers, body"),
        ("key=everything", "knows expired, ip, "),
        ("clock=1:/v5", "no path"),
        ("clock=1*2", "no path, times"),
        ("clock=1@10-20", "no path, times or condition"),
        ("html*often", "not of the form"),
        ("html@", "no condition"),
        ("html@noon", "no condition"),
        ("html@0%", "no probability"),
        ("html@101%", "no probability"),
        ("html@0", "first request is number 1"),
        ("html@9-3", "ends before it begins"),
        ("html@9s-3s", "ends before it begins"),
        ("html@5s", "no condition"),
        ("html@20%*3", "no condition"),
    ],
)
def test_nonsense_is_refused_in_a_sentence(text: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence) as refused:
        parse_fault(text)
    assert "\n" not in str(refused.value)


def test_whoever_asks_for_an_unknown_kind_is_told_all() -> None:
    with pytest.raises(ValueError, match="known are") as refused:
        parse_fault("help")
    assert [name for name in KINDS if name not in str(refused.value)] == []


def test_a_path_limits_a_fault(sick: Simulator) -> None:
    sick.set_faults("status=503:/v5/position/list")
    assert get(sick, TIME).status == 200
    assert get(sick, "/v5/position/list").status == 503


def test_a_number_of_times_limits_a_fault(sick: Simulator) -> None:
    sick.set_faults("status=500*2")
    assert struck(sick) == [1, 2]


@pytest.mark.parametrize(
    ("when", "expected"),
    [("@3", [3]), ("@3-5", [3, 4, 5]), ("@29-", [29, 30]), ("@3-5@4-", [4, 5])],
)
def test_a_schedule_counts_the_requests_of_its_path(
    sick: Simulator, when: str, expected: list[int]
) -> None:
    sick.set_faults(f"status=500:{TIME}{when}")
    for _ in range(2):
        get(sick, TICKERS)
    assert struck(sick) == expected


def test_times_count_what_was_struck_and_not_what_was_asked(sick: Simulator) -> None:
    sick.set_faults("status=500*2@10-")
    assert struck(sick) == [10, 11]


def test_a_schedule_by_time_follows_the_clock_of_the_exchange(sick: Simulator) -> None:
    sick.set_faults("status=500@30s-60s")
    seen = []
    for seconds in (0, 29, 30, 59, 60, 90):
        sick.set_clock(lambda now=NOW + seconds * 1000: now)  # type: ignore[misc]
        seen.append(get(sick, TIME).status)
    assert seen == [200, 200, 500, 500, 200, 200]


def test_chance_strikes_about_as_often_as_it_says_and_the_same_each_time(sick: Simulator) -> None:
    runs = []
    for _ in range(2):
        sick.set_faults("status=500@30%")
        runs.append(struck(sick, times=200))
    assert runs[0] == runs[1]
    assert 40 <= len(runs[0]) <= 80


def test_another_seed_and_another_place_in_the_list_are_other_dice(
    sick: Simulator, young_world: World
) -> None:
    sick.set_faults("status=500@30%")
    first = struck(sick, times=60)
    sick.set_faults("delay=0@30%", "status=500@30%")
    assert struck(sick, times=60) != first
    assert young_world.seed != sick.world.seed
    with serve(young_world, clock=lambda: NOW, faults=["status=500@30%"]) as other:
        assert struck(other, times=60) != first


def test_of_two_that_take_the_answers_place_the_first_strikes_and_the_other_waits(
    sick: Simulator,
) -> None:
    sick.set_faults("status=503*1", "html*1")
    answers = [get(sick, TIME) for _ in range(3)]
    assert [answer.status for answer in answers] == [503, 200, 200]
    assert [answer.body[:6] == b"<html>" for answer in answers] == [True, True, False]


def test_counting_begins_anew_when_faults_are_set(sick: Simulator) -> None:
    for _ in range(2):
        sick.set_faults("status=500@2")
        assert struck(sick, times=3) == [2]


def test_faults_spare_what_is_not_the_exchanges(sick: Simulator) -> None:
    sick.set_faults("status=500")
    for path in ("/__clients", "/__faults", f"/__truth?at={sick.world.genesis}"):
        assert get(sick, path).status == 200
    assert sick.faults()[0]["requests"] == 0


@given(
    st.sampled_from(["html", "reset=body", "missing=execFee", "delay=0.5"]),
    st.sampled_from(["", ":/v5/execution/list"]),
    st.integers(1, 99) | st.none(),
    st.lists(st.sampled_from(["@0.5%", "@3", "@3-9", "@3-", "@1s-2.5s", "@9s-"]), max_size=3),
)
def test_all_parts_of_a_fault_go_with_all_others(
    kind: str, path: str, times: int | None, whens: list[str]
) -> None:
    fault = parse_fault(kind + path + ("" if times is None else f"*{times}") + "".join(whens))
    assert fault.kind + (f"={fault.value}" if fault.value else "") == kind
    assert (fault.path, fault.times, len(fault.whens)) == (path[1:], times, len(whens))
