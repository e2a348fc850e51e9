"""What a client sees of rows and fields that are not what they should be."""

from typing import Any

import pytest

from exchange_simulator import Quirks, Simulator
from exchange_simulator.markets import DAY
from exchange_simulator_tests.conftest import NOW
from exchange_simulator_tests.faults.asking import ask

LINEAR = {"category": "linear"}
SYMBOL = {"symbol": "BTCUSDT"}
HISTORIES: list[tuple[str, dict[str, Any]]] = [
    ("/v5/execution/list", LINEAR),
    ("/v5/order/history", LINEAR),
    ("/v5/account/transaction-log", {}),
    ("/v5/asset/deposit/query-record", {}),
    ("/v5/asset/transfer/query-inter-transfer-list", {}),
    ("/api/v5/trade/fills-history", {"instType": "SWAP"}),
    ("/api/v5/trade/orders-history-archive", {"instType": "SPOT"}),
    ("/api/v5/account/bills-archive", {}),
    ("/api/v5/asset/deposit-history", {}),
    ("/0/private/TradesHistory", {}),
    ("/0/private/TradesHistory", {"without_count": "true"}),
    ("/0/private/ClosedOrders", {}),
    ("/0/private/Ledgers", {}),
    ("/0/private/DepositStatus", {}),
    ("/0/private/DepositStatus", {"cursor": "true"}),
    ("/0/private/WithdrawStatus", {"cursor": "true"}),
    ("/api/v3/myTrades", SYMBOL),
    ("/api/v3/allOrders", SYMBOL),
    ("/fapi/v1/userTrades", SYMBOL),
    ("/fapi/v1/income", {}),
    ("/sapi/v1/capital/withdraw/history", {}),
    ("/sapi/v1/asset/transfer", {"type": "MAIN_UMFUTURE", "startTime": NOW - 90 * DAY}),
    ("/sapi/v1/margin/interestHistory", {}),
]
HOLDINGS: list[tuple[str, dict[str, Any], str]] = [
    ("/v5/account/wallet-balance", {"accountType": "UNIFIED"}, "result.list.0.coin"),
    (
        "/v5/asset/transfer/query-account-coins-balance",
        {"accountType": "FUND"},
        "result.balance",
    ),
    ("/v5/position/list", LINEAR | {"settleCoin": "USDT"}, "result.list"),
    ("/v5/order/realtime", LINEAR | {"settleCoin": "USDT"}, "result.list"),
    ("/v5/market/tickers", LINEAR, "result.list"),
    ("/v5/market/instruments-info", LINEAR, "result.list"),
    ("/api/v5/account/balance", {}, "data.0.details"),
    ("/api/v5/account/positions", {}, "data"),
    ("/api/v5/asset/balances", {}, "data"),
    ("/api/v5/trade/orders-pending", {}, "data"),
    ("/api/v5/market/tickers", {"instType": "SPOT"}, "data"),
    ("/0/private/Balance", {}, "result"),
    ("/0/private/BalanceEx", {}, "result"),
    ("/0/private/OpenOrders", {}, "result.open"),
    ("/0/public/Ticker", {}, "result"),
    ("/0/public/AssetPairs", {}, "result"),
    ("/api/v3/account", {}, "balances"),
    ("/api/v3/openOrders", {}, ""),
    ("/api/v3/ticker/24hr", {}, ""),
    ("/api/v3/exchangeInfo", {}, "symbols"),
    ("/fapi/v2/account", {}, "assets"),
    ("/fapi/v2/account", {}, "positions"),
    ("/fapi/v3/positionRisk", {}, ""),
    ("/dapi/v1/balance", {}, ""),
    ("/sapi/v1/margin/account", {}, "userAssets"),
    ("/sapi/v1/asset/get-funding-asset", {}, ""),
]
FIGURES: list[tuple[str, dict[str, Any]]] = [
    ("/api/v5/public/time", {}),
    ("/api/v5/account/config", {}),
    ("/v5/account/info", {}),
    ("/v5/user/query-api", {}),
    ("/0/public/Time", {}),
    ("/0/private/GetApiKeyInfo", {}),
    ("/fapi/v1/accountConfig", {}),
]
"""Answers that have no rows to lack. Kraken's tell of the last nonce, which is compared apart."""


def at(answer: Any, place: str) -> Any:
    for step in place.split(".") if place else ():
        answer = answer[int(step) if isinstance(answer, list) else step]
    return answer


def shape(value: Any) -> Any:
    """The names in an answer and the types of what stands there."""
    if isinstance(value, dict):
        return {name: shape(inner) for name, inner in value.items()}
    return list if isinstance(value, list) else type(value)


@pytest.mark.parametrize(("path", "params"), HISTORIES)
def test_an_empty_history_looks_as_if_nothing_had_ever_happened(
    sick: Simulator, path: str, params: dict[str, Any]
) -> None:
    full = ask(sick, path, params)
    sick.set_faults(f"empty:{path}")
    emptied = ask(sick, path, params)
    assert sick.faults()[0]["struck"] == 1, "there is nothing to leave out"
    assert emptied != full
    sick.set_faults()
    sick.set_quirks(Quirks(begin=NOW + 1))
    assert emptied == ask(sick, path, params)


@pytest.mark.parametrize(("path", "params", "place"), HOLDINGS)
def test_what_is_held_is_gone_and_the_answer_is_a_good_one(
    sick: Simulator, path: str, params: dict[str, Any], place: str
) -> None:
    full = ask(sick, path, params)
    assert len(at(full, place)) > 0
    sick.set_faults("empty")
    emptied = ask(sick, path, params)
    assert at(emptied, place) == type(at(full, place))()
    if place not in ("", "result"):
        assert shape(emptied).keys() == shape(full).keys()


def test_an_account_without_coins_is_worth_nothing(sick: Simulator) -> None:
    sick.set_faults("empty")
    bybit = ask(sick, "/v5/account/wallet-balance", {"accountType": "UNIFIED"})["result"]["list"][0]
    assert (bybit["totalEquity"], bybit["accountType"]) == ("0.00000000", "UNIFIED")
    okx = ask(sick, "/api/v5/account/balance")["data"][0]
    assert (okx["totalEq"].strip("0."), okx["uTime"][:4]) == ("", str(NOW)[:4])
    binance = ask(sick, "/fapi/v2/account")
    assert binance["totalWalletBalance"] == "0.00000000"
    assert ask(sick, "/sapi/v1/margin/account")["marginLevel"] == "999"
    kraken = ask(sick, "/0/private/TradeBalance")["result"]
    assert set(kraken.values()) == {"0.0000"}


@pytest.mark.parametrize(("path", "params"), FIGURES)
def test_what_has_no_rows_is_told_as_it_is(
    sick: Simulator, path: str, params: dict[str, Any]
) -> None:
    full = ask(sick, path, params)
    sick.set_faults("empty")
    told = ask(sick, path, params)
    for answer in (full, told):
        isinstance(answer.get("result"), dict) and answer["result"].pop("nonce", None)
    assert told == full
    assert sick.faults()[0]["struck"] == 0


def test_a_refusal_is_not_emptied(sick: Simulator) -> None:
    sick.set_faults("empty", "doubled")
    assert ask(sick, "/v5/execution/list", {"category": "wrong"})["retCode"] == 10001
    assert ask(sick, "/api/v5/trade/order")["code"] == "50014"
    assert ask(sick, "/api/v3/myTrades")["code"] == -1102
    assert ask(sick, "/0/private/QueryTrades")["error"] == ["EGeneral:Invalid arguments"]
    assert [fault["struck"] for fault in sick.faults()] == [0, 0]


def test_every_row_twice(sick: Simulator) -> None:
    for path, params, place in (
        ("/v5/execution/list", LINEAR, "result.list"),
        ("/api/v5/trade/fills-history", {"instType": "SWAP"}, "data"),
        ("/api/v3/myTrades", SYMBOL, ""),
        ("/0/private/DepositStatus", {}, "result"),
    ):
        sick.set_faults()
        rows = at(ask(sick, path, params), place)
        sick.set_faults("doubled")
        doubled = at(ask(sick, path, params), place)
        assert doubled == [row for row in rows for _ in range(2)]
        assert rows


def test_the_rows_of_a_page_in_another_order_and_the_same_each_time(sick: Simulator) -> None:
    for path, params, place in (
        ("/v5/execution/list", LINEAR, "result.list"),
        ("/api/v5/account/bills-archive", {}, "data"),
        ("/fapi/v1/income", {}, ""),
        ("/0/private/TradesHistory", {}, "result.trades"),
    ):
        sick.set_faults()
        answer = ask(sick, path, params)
        runs = []
        for _ in range(2):
            sick.set_faults("shuffled")
            runs.append([list(at(ask(sick, path, params), place)) for _ in range(2)])
        rows = list(at(answer, place))
        assert runs[0] == runs[1]
        assert runs[0][0] != runs[0][1], "every page has an order of its own"
        for shuffled in runs[0]:
            assert shuffled != rows
            assert sorted(map(str, shuffled)) == sorted(map(str, rows))


def test_the_page_before_once_more(sick: Simulator) -> None:
    sick.set_faults("previous:/v5/execution/list*1@2-")
    first = ask(sick, "/v5/execution/list", LINEAR)["result"]
    # another history has pages of its own
    ask(sick, "/v5/execution/list", {"category": "spot"})
    next_page = LINEAR | {"cursor": first["nextPageCursor"].replace("%3A", ":")}
    again = ask(sick, "/v5/execution/list", next_page)["result"]
    assert again == first
    second = ask(sick, "/v5/execution/list", next_page)["result"]
    assert second["list"][0]["execId"] not in {row["execId"] for row in first["list"]}
    assert sick.faults()[0]["struck"] == 1


def test_the_page_before_once_more_where_pages_are_asked_for_in_a_form(sick: Simulator) -> None:
    path = "/0/private/TradesHistory"
    sick.set_faults(f"previous:{path}*1")
    pages = [ask(sick, path, {"ofs": ofs})["result"]["trades"] for ofs in (0, 50, 50)]
    assert pages[0] == pages[1]
    assert pages[2].keys().isdisjoint(pages[0])


def test_the_page_before_once_more_where_pages_begin_at_an_id(sick: Simulator) -> None:
    sick.set_faults("previous*1")
    first = ask(sick, "/api/v3/myTrades", SYMBOL | {"fromId": 0})
    following = SYMBOL | {"fromId": first[-1]["id"] + 1}
    assert ask(sick, "/api/v3/myTrades", following) == first
    assert ask(sick, "/api/v3/myTrades", following)[0]["id"] > first[-1]["id"]


def test_fields_that_are_gone_null_renamed_or_of_another_type(sick: Simulator) -> None:
    path = "/v5/execution/list"
    sick.set_faults()
    row = ask(sick, path, LINEAR)["result"]["list"][0]
    expected = {
        "missing": {name: value for name, value in row.items() if name != "execFee"},
        "nulled": row | {"execFee": None},
        "retyped": row | {"execFee": float(row["execFee"])},
    }
    expected["renamed"] = expected["missing"] | {"execFeeNew": row["execFee"]}
    for kind, told in expected.items():
        sick.set_faults(f"{kind}=execFee")
        rows = ask(sick, path, LINEAR)["result"]["list"]
        assert rows[0] == told
        assert len(rows) > 1
        assert all(("execFee" in row) == ("execFee" in told) for row in rows)


def test_types_change_both_ways(sick: Simulator) -> None:
    sick.set_faults("retyped=symbol", "retyped=execFee", "retyped=isMaker", "retyped=retCode")
    answer = ask(sick, "/v5/execution/list", LINEAR)
    row = answer["result"]["list"][0]
    assert answer["retCode"] == "0"
    assert (type(row["symbol"]), type(row["execFee"]), row["isMaker"]) == (list, float, "false")


def test_a_field_that_is_nowhere_is_not_missed(sick: Simulator) -> None:
    sick.set_faults("missing=execFees*1")
    ask(sick, "/v5/execution/list", LINEAR)
    assert (sick.faults()[0]["requests"], sick.faults()[0]["struck"]) == (1, 0)


def test_several_edits_strike_one_answer(sick: Simulator) -> None:
    sick.set_faults("doubled", "missing=execFee", "cut-body@2")
    rows = ask(sick, "/v5/execution/list", LINEAR)["result"]["list"]
    assert rows[0] == rows[1]
    assert "execFee" not in rows[0]
    with pytest.raises(ValueError, match=r"."):
        ask(sick, "/v5/execution/list", LINEAR)
