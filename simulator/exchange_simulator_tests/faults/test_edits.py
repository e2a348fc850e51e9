"""Answers with wrong rows and fields."""

from typing import Any

import pytest

from exchange_simulator import Simulator, Timing
from exchange_simulator.markets import DAY
from exchange_simulator_tests.conftest import NOW
from exchange_simulator_tests.faults.clients import ask

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
"""Answers that cannot be empty. Kraken's include the last nonce, which is excluded from the
comparison."""


def at(answer: Any, place: str) -> Any:
    for step in place.split(".") if place else ():
        answer = answer[int(step) if isinstance(answer, list) else step]
    return answer


def shape(value: Any) -> Any:
    """The names in an answer and the types of their values."""
    if isinstance(value, dict):
        return {name: shape(inner) for name, inner in value.items()}
    return list if isinstance(value, list) else type(value)


@pytest.mark.parametrize(("path", "params"), HISTORIES)
def test_an_emptied_history_looks_like_that_of_a_new_account(
    faulty: Simulator, path: str, params: dict[str, Any]
) -> None:
    full = ask(faulty, path, params)
    faulty.set_faults(f"empty:{path}")
    emptied = ask(faulty, path, params)
    assert faulty.faults()[0]["fired"] == 1, "no rows to remove"
    assert emptied != full
    faulty.set_faults()
    faulty.set_timing(Timing(history_start=NOW + 1))
    assert emptied == ask(faulty, path, params)


@pytest.mark.parametrize(("path", "params", "place"), HOLDINGS)
def test_emptied_holdings_are_a_successful_answer(
    faulty: Simulator, path: str, params: dict[str, Any], place: str
) -> None:
    full = ask(faulty, path, params)
    assert len(at(full, place)) > 0
    faulty.set_faults("empty")
    emptied = ask(faulty, path, params)
    assert at(emptied, place) == type(at(full, place))()
    if place not in ("", "result"):
        assert shape(emptied).keys() == shape(full).keys()


def test_an_emptied_account_has_no_value(faulty: Simulator) -> None:
    faulty.set_faults("empty")
    bybit = ask(faulty, "/v5/account/wallet-balance", {"accountType": "UNIFIED"})["result"]["list"][
        0
    ]
    assert (bybit["totalEquity"], bybit["accountType"]) == ("0.00000000", "UNIFIED")
    okx = ask(faulty, "/api/v5/account/balance")["data"][0]
    assert (okx["totalEq"].strip("0."), okx["uTime"][:4]) == ("", str(NOW)[:4])
    binance = ask(faulty, "/fapi/v2/account")
    assert binance["totalWalletBalance"] == "0.00000000"
    assert ask(faulty, "/sapi/v1/margin/account")["marginLevel"] == "999"
    kraken = ask(faulty, "/0/private/TradeBalance")["result"]
    assert set(kraken.values()) == {"0.0000"}


@pytest.mark.parametrize(("path", "params"), FIGURES)
def test_an_answer_without_rows_is_unchanged(
    faulty: Simulator, path: str, params: dict[str, Any]
) -> None:
    full = ask(faulty, path, params)
    faulty.set_faults("empty")
    reported = ask(faulty, path, params)
    for answer in (full, reported):
        isinstance(answer.get("result"), dict) and answer["result"].pop("nonce", None)
    assert reported == full
    assert faulty.faults()[0]["fired"] == 0


def test_an_error_is_not_emptied(faulty: Simulator) -> None:
    faulty.set_faults("empty", "doubled")
    assert ask(faulty, "/v5/execution/list", {"category": "wrong"})["retCode"] == 10001
    assert ask(faulty, "/api/v5/trade/order")["code"] == "50014"
    assert ask(faulty, "/api/v3/myTrades")["code"] == -1102
    assert ask(faulty, "/0/private/QueryTrades")["error"] == ["EGeneral:Invalid arguments"]
    assert [fault["fired"] for fault in faulty.faults()] == [0, 0]


def test_every_row_twice(faulty: Simulator) -> None:
    for path, params, place in (
        ("/v5/execution/list", LINEAR, "result.list"),
        ("/api/v5/trade/fills-history", {"instType": "SWAP"}, "data"),
        ("/api/v3/myTrades", SYMBOL, ""),
        ("/0/private/DepositStatus", {}, "result"),
    ):
        faulty.set_faults()
        rows = at(ask(faulty, path, params), place)
        faulty.set_faults("doubled")
        doubled = at(ask(faulty, path, params), place)
        assert doubled == [row for row in rows for _ in range(2)]
        assert rows


def test_shuffled_rows_have_a_reproducible_order(faulty: Simulator) -> None:
    for path, params, place in (
        ("/v5/execution/list", LINEAR, "result.list"),
        ("/api/v5/account/bills-archive", {}, "data"),
        ("/fapi/v1/income", {}, ""),
        ("/0/private/TradesHistory", {}, "result.trades"),
    ):
        faulty.set_faults()
        answer = ask(faulty, path, params)
        runs = []
        for _ in range(2):
            faulty.set_faults("shuffled")
            runs.append([list(at(ask(faulty, path, params), place)) for _ in range(2)])
        rows = list(at(answer, place))
        assert runs[0] == runs[1]
        assert runs[0][0] != runs[0][1], "pages are shuffled differently"
        for shuffled in runs[0]:
            assert shuffled != rows
            assert sorted(map(str, shuffled)) == sorted(map(str, rows))


def test_a_page_in_the_opposite_order_or_with_fewer_rows(faulty: Simulator) -> None:
    for path, params, place in (
        ("/v5/execution/list", LINEAR, "result.list"),
        ("/api/v3/myTrades", SYMBOL, ""),
        ("/0/private/TradesHistory", {}, "result.trades"),
    ):
        faulty.set_faults()
        rows = list(at(ask(faulty, path, params), place))
        assert len(rows) > 5
        faulty.set_faults("reversed")
        assert list(at(ask(faulty, path, params), place)) == rows[::-1]
        faulty.set_faults("page=5")
        assert list(at(ask(faulty, path, params), place)) == rows[:5]


def test_a_field_with_the_same_value_in_every_row(faulty: Simulator) -> None:
    path = "/v5/execution/list"
    faulty.set_faults("repeated=execId")
    rows = ask(faulty, path, LINEAR)["result"]["list"]
    assert len({row["execId"] for row in rows}) == 1
    assert len({row["orderId"] for row in rows}) > 1
    faulty.set_faults("repeated=type*1")
    ask(faulty, "/0/private/TradesHistory")
    assert faulty.faults()[0]["fired"] == 0, "rows that are keyed by their ids are left alone"


def test_figures_of_the_opposite_sign(faulty: Simulator) -> None:
    path, params = "/v5/account/wallet-balance", {"accountType": "UNIFIED"}

    def balances() -> dict[str, str]:
        coins = ask(faulty, path, params)["result"]["list"][0]["coin"]
        return {coin["coin"]: coin["walletBalance"] for coin in coins}

    faulty.set_faults()
    given = balances()
    faulty.set_faults("negated=walletBalance", "negated=coin")
    assert balances() == {coin: f"-{balance}" for coin, balance in given.items()}


def test_the_previous_page(faulty: Simulator) -> None:
    faulty.set_faults("previous:/v5/execution/list*1@2-")
    first = ask(faulty, "/v5/execution/list", LINEAR)["result"]
    # every history has its own pages
    ask(faulty, "/v5/execution/list", {"category": "spot"})
    next_page = LINEAR | {"cursor": first["nextPageCursor"].replace("%3A", ":")}
    again = ask(faulty, "/v5/execution/list", next_page)["result"]
    assert again == first
    second = ask(faulty, "/v5/execution/list", next_page)["result"]
    assert second["list"][0]["execId"] not in {row["execId"] for row in first["list"]}
    assert faulty.faults()[0]["fired"] == 1


def test_the_previous_page_of_form_requests(faulty: Simulator) -> None:
    path = "/0/private/TradesHistory"
    faulty.set_faults(f"previous:{path}*1")
    pages = [ask(faulty, path, {"ofs": ofs})["result"]["trades"] for ofs in (0, 50, 50)]
    assert pages[0] == pages[1]
    assert pages[2].keys().isdisjoint(pages[0])


def test_the_previous_page_when_paging_by_id(faulty: Simulator) -> None:
    faulty.set_faults("previous*1")
    first = ask(faulty, "/api/v3/myTrades", SYMBOL | {"fromId": 0})
    following = SYMBOL | {"fromId": first[-1]["id"] + 1}
    assert ask(faulty, "/api/v3/myTrades", following) == first
    assert ask(faulty, "/api/v3/myTrades", following)[0]["id"] > first[-1]["id"]


def test_fields_that_are_missing_null_renamed_or_retyped(faulty: Simulator) -> None:
    path = "/v5/execution/list"
    faulty.set_faults()
    row = ask(faulty, path, LINEAR)["result"]["list"][0]
    expected = {
        "missing": {name: value for name, value in row.items() if name != "execFee"},
        "nulled": row | {"execFee": None},
        "retyped": row | {"execFee": float(row["execFee"])},
    }
    expected["renamed"] = expected["missing"] | {"execFeeNew": row["execFee"]}
    for kind, reported in expected.items():
        faulty.set_faults(f"{kind}=execFee")
        rows = ask(faulty, path, LINEAR)["result"]["list"]
        assert rows[0] == reported
        assert len(rows) > 1
        assert all(("execFee" in row) == ("execFee" in reported) for row in rows)


def test_types_change_both_ways(faulty: Simulator) -> None:
    faulty.set_faults("retyped=symbol", "retyped=execFee", "retyped=isMaker", "retyped=retCode")
    answer = ask(faulty, "/v5/execution/list", LINEAR)
    row = answer["result"]["list"][0]
    assert answer["retCode"] == "0"
    assert (type(row["symbol"]), type(row["execFee"]), row["isMaker"]) == (list, float, "false")


def test_an_edit_of_an_unknown_field_does_not_fire(faulty: Simulator) -> None:
    faulty.set_faults("missing=execFees*1")
    ask(faulty, "/v5/execution/list", LINEAR)
    assert (faulty.faults()[0]["requests"], faulty.faults()[0]["fired"]) == (1, 0)


def test_several_edits_of_one_answer(faulty: Simulator) -> None:
    faulty.set_faults("doubled", "missing=execFee", "cut-body@2")
    rows = ask(faulty, "/v5/execution/list", LINEAR)["result"]["list"]
    assert rows[0] == rows[1]
    assert "execFee" not in rows[0]
    with pytest.raises(ValueError, match=r"."):
        ask(faulty, "/v5/execution/list", LINEAR)
