"""Keys that lose what they had while they are used."""

import pytest

from exchange_simulator import Simulator
from exchange_simulator_tests.client import get
from exchange_simulator_tests.faults.asking import EXCHANGES, PRIVATE, ask

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
    sick: Simulator, loss: str, exchange: str
) -> None:
    sick.set_faults(f"key={loss}@3-")
    answers = []
    for _ in range(4):
        # nobody needs a key for this: it does not count
        get(sick, "/v5/market/time")
        answers.append(str(ask(sick, PRIVATE[exchange])))
    assert [WORDS[loss, exchange] in answer for answer in answers] == [False, False, True, True]
    sick.set_faults()
    assert WORDS[loss, exchange] not in str(ask(sick, PRIVATE[exchange]))


@pytest.mark.parametrize("exchange", EXCHANGES)
def test_a_lost_permission_leaves_the_others(sick: Simulator, exchange: str) -> None:
    sick.set_faults("key=positions")
    before = sick.faults()[0]["requests"]
    first = ask(sick, PRIVATE[exchange])
    assert sick.faults()[0]["requests"] == before + 1
    sick.set_faults()
    assert ask(sick, PRIVATE[exchange]) == first


def test_the_exchange_tells_of_the_key_what_it_may_still_do(sick: Simulator) -> None:
    sick.set_faults("key=orders", "key=wallet")
    told = ask(sick, "/v5/user/query-api")["result"]["permissions"]
    assert (told["ContractTrade"], told["Exchange"]) == ([], [])
    assert ask(sick, "/v5/execution/list", {"category": "linear"})["retCode"] == 10005
    assert ask(sick, "/v5/asset/coin/query-info")["retCode"] == 10005
    assert ask(sick, "/v5/account/info")["retCode"] == 0
