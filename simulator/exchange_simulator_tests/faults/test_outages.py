"""How each exchange reports that it cannot answer."""

import httpx
import pytest

from exchange_simulator import EXCHANGES, Simulator
from exchange_simulator_tests.conftest import NOW

PUBLIC = {
    "bybit": "/v5/market/time",
    "binance": "/api/v3/time",
    "okx": "/api/v5/public/time",
    "kraken": "/0/public/Time",
}
ANSWERS = {
    ("bybit", "throttled"): (200, '"retCode":10006'),
    ("bybit", "banned=120"): (403, "access too frequent"),
    ("bybit", "busy"): (200, '"retCode":10000'),
    ("bybit", "maintenance"): (503, "<html>"),
    ("binance", "throttled"): (429, '"code":-1003'),
    ("binance", "banned=120"): (418, f"IP banned until {NOW + 120_000}."),
    ("binance", "busy"): (503, '"code":-1008'),
    ("binance", "maintenance"): (503, '"code":-1016'),
    ("okx", "throttled"): (429, '"code":"50011"'),
    ("okx", "banned=120"): (429, "error code: 1015"),
    ("okx", "busy"): (429, '"code":"50013"'),
    ("okx", "maintenance"): (503, '"code":"50001"'),
    ("kraken", "throttled"): (200, '["EAPI:Rate limit exceeded"]'),
    ("kraken", "banned=120"): (200, '["EGeneral:Temporary lockout"]'),
    ("kraken", "busy"): (200, '["EService:Busy"]'),
    ("kraken", "maintenance"): (200, '["EService:Unavailable"]'),
}
CODES = [
    ("bybit", "retcode=10429", 200, "System level frequency protection"),
    ("bybit", "retcode=10018", 200, "Exceeded the IP Rate Limit."),
    ("okx", "retcode=50061", 200, "50061"),
    ("kraken", "retcode=405", 200, "EService:Market in cancel_only mode"),
    ("kraken", "retcode=423", 200, "EGeneral:Temporary lockout"),
]


@pytest.mark.parametrize(("exchange", "fault"), ANSWERS)
def test_each_exchange_has_its_own_answers(faulty: Simulator, exchange: str, fault: str) -> None:
    faulty.set_faults(fault)
    answer = httpx.get(faulty.url + PUBLIC[exchange])
    status, words = ANSWERS[exchange, fault]
    assert (answer.status_code, words in answer.text) == (status, True), answer.text


@pytest.mark.parametrize(("exchange", "fault", "status", "words"), CODES)
def test_codes_have_their_messages(
    faulty: Simulator, exchange: str, fault: str, status: int, words: str
) -> None:
    faulty.set_faults(fault)
    answer = httpx.get(faulty.url + PUBLIC[exchange])
    assert (answer.status_code, words in answer.text) == (status, True), answer.text


@pytest.mark.parametrize("exchange", sorted(EXCHANGES))
def test_a_code_is_answered_by_the_requested_exchange(faulty: Simulator, exchange: str) -> None:
    faulty.set_faults("retcode=50011")
    expected = EXCHANGES[exchange].refusal(50011, NOW)
    answer = httpx.get(faulty.url + PUBLIC[exchange])
    assert (answer.status_code, answer.content) == (expected.status_code, bytes(expected.body))


@pytest.mark.parametrize("exchange", sorted(EXCHANGES))
def test_retry_after_is_sent_only_if_given(faulty: Simulator, exchange: str) -> None:
    for fault, reported in (("throttled", None), ("throttled=5", "5")):
        faulty.set_faults(fault)
        assert httpx.get(faulty.url + PUBLIC[exchange]).headers.get("retry-after") == reported


def test_bans_report_their_duration_where_the_exchange_does(faulty: Simulator) -> None:
    faulty.set_faults("banned=120")
    reported = {
        exchange: httpx.get(faulty.url + path).headers.get("retry-after")
        for exchange, path in PUBLIC.items()
    }
    assert reported == {"binance": "120", "okx": "120", "bybit": None, "kraken": None}


def test_bybit_reports_the_limit_reset_in_its_headers(faulty: Simulator) -> None:
    faulty.set_faults("throttled=5")
    headers = httpx.get(faulty.url + PUBLIC["bybit"]).headers
    assert headers["x-bapi-limit-status"] == "0"
    assert int(headers["x-bapi-limit-reset-timestamp"]) == NOW + 5000
