"""Faults: how they are written, and what a client sees of them."""

import time
from http.client import RemoteDisconnected

import pytest

from alphapulse_pipeline.simulator import FACES, Simulator, parse_fault
from alphapulse_pipeline_tests.simulator.client import get, signed
from alphapulse_pipeline_tests.simulator.conftest import NOW

TIME = "/v5/market/time"


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
        ("clock=1:/v5", "no path"),
        ("html*often", "not of the form"),
    ],
)
def test_nonsense_is_refused_in_a_sentence(text: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        parse_fault(text)


def test_html(frozen: Simulator) -> None:
    frozen.set_faults("html")
    answer = get(frozen, TIME)
    assert (answer.status, answer.body[:6]) == (200, b"<html>")


def test_a_path_limits_a_fault(frozen: Simulator) -> None:
    frozen.set_faults("status=503:/v5/position/list")
    assert get(frozen, TIME).status == 200
    assert get(frozen, "/v5/position/list").status == 503


def test_a_number_of_times_limits_a_fault(frozen: Simulator) -> None:
    frozen.set_faults("empty-body*2")
    assert [len(get(frozen, TIME).body) for _ in range(3)][:2] == [0, 0]
    assert get(frozen, TIME).code == 0


def test_a_body_that_ends_in_the_middle(frozen: Simulator) -> None:
    whole = get(frozen, TIME).body
    frozen.set_faults("cut-body")
    assert get(frozen, TIME).body == whole[: len(whole) // 2]


def test_a_return_code(frozen: Simulator) -> None:
    frozen.set_faults("retcode=10006:/v5/account")
    answer = signed(frozen, "/v5/account/info", patient=False)
    assert (answer.code, answer.json["retMsg"]) == (10006, "Too many visits!")


def test_a_code_is_told_in_the_words_of_the_exchange_that_was_asked(frozen: Simulator) -> None:
    frozen.set_faults("retcode=50011")
    for path, exchange in (("/api/v5/account/balance", "okx"), ("/api/v3/account", "binance")):
        expected = FACES[exchange].refusal(50011, NOW)
        answer = get(frozen, path)
        assert (answer.status, answer.body) == (expected.status_code, bytes(expected.body))


def test_a_closed_connection(frozen: Simulator) -> None:
    frozen.set_faults("refuse*1")
    with pytest.raises((RemoteDisconnected, ConnectionResetError)):
        get(frozen, TIME)
    assert get(frozen, TIME).code == 0


def test_a_delay(frozen: Simulator) -> None:
    frozen.set_faults("delay=0.2")
    before = time.monotonic()
    assert get(frozen, TIME).code == 0
    assert time.monotonic() - before >= 0.2


def test_a_clock_that_is_ahead(frozen: Simulator) -> None:
    frozen.set_faults("clock=3600000")
    assert get(frozen, TIME).json["time"] == NOW + 3_600_000
    assert signed(frozen, "/v5/account/info", stamp=NOW).code == 10002


def test_faults_spare_the_truth(frozen: Simulator) -> None:
    frozen.set_faults("status=500")
    assert get(frozen, f"/__truth?at={frozen.world.genesis}").status == 200
