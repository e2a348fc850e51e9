"""Keys that expire or lose permissions while in use."""

import pytest

from exchange_simulator import Simulator
from exchange_simulator_tests.client import get
from exchange_simulator_tests.faults.clients import NAMES, PRIVATE, ask

WORDS = {
    ("expired", "bybit"): "Your api key has expired.",
    ("expired", "binance"): "-2015",
    ("expired", "okx"): "50119",
    ("expired", "kraken"): "EAPI:Invalid key",
    ("ip", "bybit"): "Unmatched IP",
    ("ip", "binance"): "-2015",
    ("ip", "okx"): "50110",
    ("ip", "kraken"): "EGeneral:Permission denied",
    ("account", "bybit"): "Permission denied",
    ("account", "binance"): "-2015",
    ("account", "okx"): "50120",
    ("account", "kraken"): "EGeneral:Permission denied",
}


@pytest.mark.parametrize(("loss", "exchange"), WORDS)
def test_from_one_private_request_on_the_key_is_refused(
    faulty: Simulator, loss: str, exchange: str
) -> None:
    faulty.set_faults(f"key={loss}@3-")
    answers = []
    for _ in range(4):
        # public endpoints do not count
        get(faulty, "/v5/market/time")
        answers.append(str(ask(faulty, PRIVATE[exchange])))
    assert [WORDS[loss, exchange] in answer for answer in answers] == [False, False, True, True]
    faulty.set_faults()
    assert WORDS[loss, exchange] not in str(ask(faulty, PRIVATE[exchange]))


@pytest.mark.parametrize("exchange", NAMES)
def test_a_lost_permission_leaves_the_others(faulty: Simulator, exchange: str) -> None:
    faulty.set_faults("key=positions")
    before = faulty.faults()[0]["requests"]
    first = ask(faulty, PRIVATE[exchange])
    assert faulty.faults()[0]["requests"] == before + 1
    faulty.set_faults()
    assert ask(faulty, PRIVATE[exchange]) == first


def test_the_key_endpoint_reports_the_remaining_permissions(faulty: Simulator) -> None:
    faulty.set_faults("key=orders", "key=wallet")
    reported = ask(faulty, "/v5/user/query-api")["result"]["permissions"]
    assert (reported["ContractTrade"], reported["Exchange"]) == ([], [])
    assert ask(faulty, "/v5/execution/list", {"category": "linear"})["retCode"] == 10005
    assert ask(faulty, "/v5/asset/coin/query-info")["retCode"] == 10005
    assert ask(faulty, "/v5/account/info")["retCode"] == 0
