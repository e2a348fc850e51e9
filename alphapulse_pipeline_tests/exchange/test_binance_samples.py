"""Answers of the documented form, with blanks and nulls, through the client and the parser."""

import asyncio
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import pytest

from alphapulse_pipeline.datasets.values import Row
from alphapulse_pipeline.exchange.ccxt_client import ClientConfig
from alphapulse_pipeline.exchange.client import ExchangeClient, open_client
from alphapulse_pipeline.exchange.feed import Page
from alphapulse_pipeline.exchange.markets import Markets
from alphapulse_pipeline.exchange.parsing import parsed
from alphapulse_pipeline.exchange.venues import VENUES, Source
from alphapulse_pipeline.settings.environment import AccountEnvironment
from alphapulse_pipeline_tests.exchange import (
    earn_samples,
    fiat_samples,
    loan_samples,
    option_samples,
    portfolio_margin_samples,
    rebate_samples,
    staking_samples,
    transfer_samples,
)
from alphapulse_pipeline_tests.exchange.servers import Reply, replying

BINANCE = VENUES["binance"]
AT = 1_790_000_000_123
_BASE = {"base": "BTC", "baseId": "BTC", "active": True}
MARKETS: list[dict[str, Any]] = [
    _BASE | {"id": "BTCUSDT", "symbol": "BTC/USDT", "quote": "USDT", "type": "spot", "spot": True},
    _BASE
    | {
        "id": "BTCUSDT",
        "symbol": "BTC/USDT:USDT",
        "quote": "USDT",
        "settle": "USDT",
        "type": "swap",
        "spot": False,
        "swap": True,
        "contract": True,
        "linear": True,
        "inverse": False,
        "contractSize": "1",
    },
    _BASE
    | {
        "id": "BTCUSD_PERP",
        "symbol": "BTC/USD:BTC",
        "quote": "USD",
        "settle": "BTC",
        "type": "swap",
        "spot": False,
        "swap": True,
        "contract": True,
        "linear": False,
        "inverse": True,
        "contractSize": "100",
    },
]
_FILL = {
    "symbol": "BTCUSDT",
    "id": 28457,
    "orderId": 100234,
    "price": "40000.10",
    "qty": "0.002",
    "commission": "0.00000200",
    "commissionAsset": "BNB",
    "time": AT,
}
_ORDER = {
    "symbol": "BTCUSDT",
    "orderId": 100234,
    "clientOrderId": "web_abc",
    "price": "0.00000000",
    "origQty": "0.002",
    "executedQty": "0.000",
    "status": "NEW",
    "timeInForce": "GTC",
    "type": "LIMIT",
    "side": "BUY",
    "stopPrice": "0.0",
    "time": AT,
    "updateTime": AT,
}
_SPOT_ORDER = _ORDER | {"cummulativeQuoteQty": "0.00", "orderListId": -1, "icebergQty": "0.0"}
_FUTURES_ORDER = _ORDER | {"avgPrice": "0.00000", "cumQuote": "0", "cumBase": "0"}
_INVERSE = {"symbol": "BTCUSD_PERP", "pair": "BTCUSD"}
_INCOME = {
    "symbol": "",
    "incomeType": "TRANSFER",
    "income": "-0.37500000",
    "asset": "USDT",
    "info": "TRANSFER",
    "time": AT,
    "tranId": 9689322392,
    "tradeId": "",
}
_CONDITIONAL = {
    "algoId": 2146760,
    "clientAlgoId": "6B2I9XVcJpCjqPAJ4YoFX7",
    "algoType": "CONDITIONAL",
    "orderType": "STOP_MARKET",
    "symbol": "BTCUSDT",
    "side": "SELL",
    "positionSide": "BOTH",
    "quantity": "0.01",
    "algoStatus": "CANCELED",
    "actualOrderId": "",
    "actualPrice": "0.00000",
    "triggerPrice": "750.000",
    "price": "0.000",
    "icebergQuantity": None,
    "tpOrderType": "",
    "createTime": AT,
    "updateTime": AT + 5,
    "triggerTime": 0,
}
_KLINE = [
    1499040000000,
    "0.01634790",
    "0.80000000",
    "0.01575800",
    "0.01577100",
    "148976.11427815",
    1499644799999,
    "2434.19055334",
    308,
    "1756.87402397",
    "28.46694368",
    "0",
]
SAMPLES: dict[tuple[str, str], dict[str, Any]] = {
    ("trades", "spot"): _FILL
    | {"quoteQty": "80.00", "orderListId": -1, "isBuyer": True, "isMaker": False},
    ("trades", "margin"): _FILL | {"isBuyer": False, "isMaker": True, "isIsolated": False},
    ("trades", "usdm"): _FILL
    | {"side": "SELL", "quoteQty": "80.0", "realizedPnl": "-0.9", "maker": False, "buyer": False},
    ("trades", "coinm"): _FILL
    | _INVERSE
    | {"side": "SELL", "baseQty": "0.0113", "realizedPnl": "0", "maker": False, "qty": "1"},
    ("conversions", "convert"): {
        "quoteId": "f3b91c525b2644c7bc1e1cd31b6e1aa6",
        "orderId": 940708407462087195,
        "orderStatus": "SUCCESS",
        "fromAsset": "USDT",
        "fromAmount": "20",
        "toAsset": "BNB",
        "toAmount": "0.06154036",
        "ratio": "0.00307702",
        "inverseRatio": "324.99",
        "createTime": AT,
    },
    ("conversions", "dust"): {
        "transId": 4359321,
        "serviceChargeAmount": "0.000009",
        "amount": "0.0009",
        "operateTime": AT,
        "transferedAmount": "0.000441",
        "fromAsset": "USDT",
        "targetAsset": "BNB",
    },
    ("orders", "spot"): _SPOT_ORDER,
    # a negative amount: not available
    ("orders", "margin"): _SPOT_ORDER | {"isIsolated": False, "cummulativeQuoteQty": "-1.0"},
    ("orders", "usdm"): _FUTURES_ORDER,
    ("orders", "coinm"): _FUTURES_ORDER | _INVERSE,
    ("orders", "usdm conditional"): _CONDITIONAL,
    ("orders", "coinm conditional"): _CONDITIONAL | {"symbol": "BTCUSD_PERP"},
    ("transfers", "deposits"): {
        "id": "769800519366885376",
        "amount": "0.001",
        "coin": "BNB",
        "network": "BNB",
        "status": 0,
        "address": "an address",
        "addressTag": "",
        "txId": "",
        "insertTime": AT,
        "confirmTimes": "",
        "walletType": 0,
    },
    # the network may be missing in old ones
    ("transfers", "withdrawals"): {
        "id": "b6ae22b3aa844210a7041aee7589627c",
        "amount": "8.91000000",
        "transactionFee": "0.004",
        "coin": "USDT",
        "status": 4,
        "address": "an address",
        "txId": "",
        "applyTime": "2026-09-21 11:12:02",
        "walletType": 1,
        "txKey": "",
    },
    ("transfers", "spot to usdm"): {
        "asset": "USDT",
        "amount": "1",
        "type": "MAIN_UMFUTURE",
        "status": "CONFIRMED",
        "tranId": 11415955596,
        "timestamp": AT,
    },
    ("funding", "usdm"): _INCOME | {"symbol": "BTCUSDT", "incomeType": "FUNDING_FEE"},
    ("ledger", "usdm"): _INCOME,
    ("ledger", "coinm"): _INCOME | {"asset": "BTC", "info": "WITHDRAW", "tranId": "9689322392"},
    ("ledger", "margin"): {
        "id": 123456,
        "tranId": 123123,
        "timestamp": AT,
        "asset": "USDT",
        "symbol": "",
        "type": "BORROW",
        "amount": "101",
    },
    **earn_samples.SAMPLES,
    **fiat_samples.SAMPLES,
    **loan_samples.SAMPLES,
    **rebate_samples.SAMPLES,
    **staking_samples.SAMPLES,
    **transfer_samples.SAMPLES,
    **portfolio_margin_samples.SAMPLES,
    **option_samples.SAMPLES,
}


def _enveloped(rows: list[Any]) -> Any:
    return {"code": "000000", "data": rows, "total": len(rows), "success": True}


# method -> the answer around its rows, if that is no bare list
_IN_AN_ANSWER: dict[str, Callable[[list[Any]], Any]] = {
    "sapiGetFiatOrders": _enveloped,
    "sapiGetFiatPayments": _enveloped,
    "sapiGetC2cOrderMatchListUserOrderHistory": _enveloped,
    "sapiGetPayTransactions": _enveloped,
    "sapiGetRebateTaxQuery": rebate_samples.enveloped,
    "sapiGetAssetTransfer": lambda rows: {"total": len(rows), "rows": rows},
    "sapiGetSubAccountUniversalTransfer": lambda rows: {"result": rows, "totalCount": len(rows)},
    "sapiGetConvertTradeFlow": lambda rows: {"list": rows, "moreData": False},
    "sapiGetAssetDribblet": lambda rows: {
        "total": 1,
        "userAssetDribblets": [{"userAssetDribbletDetails": rows}],
    },
}


@dataclass
class Reading:
    client: ExchangeClient
    markets: Markets
    answer: dict[str, Any]
    name: str = "binance"

    def rows(self, dataset: str, source: Source, *raw: dict[str, Any] | list[Any]) -> list[Row]:
        rows = list(raw)
        total = {"total": len(rows), "rows": rows}
        if wrap := _IN_AN_ANSWER.get(source.feed.method):
            self.answer["body"] = wrap(rows)
        else:
            paged = isinstance(source.feed.rows(total), list)
            self.answer["body"] = total if paged else rows
        answer = self.client.run(self.client.request, source.feed.method, {"symbol": "BTCUSDT"})
        found = parsed(self, dataset, source, source.feed.read(answer))
        assert not found.unread
        return found.rows


@pytest.fixture
def reading() -> Iterator[Reading]:
    answer: dict[str, Any] = {}
    with replying(lambda _: Reply(json.dumps(answer["body"]).encode())) as url:
        config = ClientConfig(AccountEnvironment("main"), "binance", "key", "secret", api_url=url)
        with open_client(config) as client:
            client.ccxt.enableRateLimit = False  # the server has none
            client.restore_markets(json.dumps({"markets": MARKETS, "options": {}}))
            markets = Markets(client.ccxt, BINANCE.delisted, lambda _: None)
            yield Reading(client, markets, answer)


def source_of(dataset: str, stream: str) -> Source:
    return BINANCE.histories[dataset][stream]


@pytest.mark.parametrize(("dataset", "stream"), SAMPLES)
def test_a_documented_row_is_read_and_a_new_field_changes_nothing(
    dataset: str, stream: str, reading: Reading
) -> None:
    raw, source = SAMPLES[dataset, stream], source_of(dataset, stream)
    [row] = reading.rows(dataset, source, raw)
    [more] = reading.rows(dataset, source, raw | {"newField": {"a": [None, ""]}})
    assert row | {"raw": None} == more | {"raw": None}
    assert more["raw"]["newField"] == {"a": [None, ""]}


def test_a_documented_candle_is_read(reading: Reading) -> None:
    source = replace(source_of("candles", "spot"), only="BTC/USDT")
    [row] = reading.rows("candles", source, _KLINE)
    assert (row["market"], row["day"], row["close"]) == (
        "BTC/USDT",
        "2017-07-03",
        Decimal("0.01577100"),
    )
    assert row["raw"] == _KLINE


def test_every_documented_stream_has_a_sample() -> None:
    """Streams that differ from a sampled one only in a parameter need none of their own."""
    sampled = {source_of(*name).feed.method for name in (*SAMPLES, ("candles", "spot"))}
    streams = [s for history in BINANCE.histories.values() for s in history.values()]
    assert {s.feed.method for s in streams} - sampled == set()
    assert [s.feed.method for s in streams if s.feed.documented is None] == []


def test_a_new_type_of_income_keeps_its_name(reading: Reading) -> None:
    source = source_of("ledger", "usdm")
    [row] = reading.rows("ledger", source, _INCOME | {"incomeType": "NEW_KIND_OF_INCOME"})
    assert row["kind"] == "NEW_KIND_OF_INCOME"
    assert row["amount"] == Decimal("-0.375")


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        ("PENDING_NEW", "open"),
        ("PENDING_CANCEL", "open"),
        ("EXPIRED_IN_MATCH", "expired"),
        ("A_NEW_STATUS", "unknown"),
    ],
)
def test_an_order_has_a_status_of_the_table(raw: str, status: str, reading: Reading) -> None:
    [row] = reading.rows("orders", source_of("orders", "spot"), _SPOT_ORDER | {"status": raw})
    assert row["status"] == status
    assert row["raw"]["status"] == raw


def test_dust_is_received_before_its_fee(reading: Reading) -> None:
    """The sample's fee is 2 % of what the asset was worth, and not in what was received."""
    raw = SAMPLES["conversions", "dust"]
    [row] = reading.rows("conversions", source_of("conversions", "dust"), raw)
    assert (row["from_asset"], row["from_amount"]) == ("USDT", Decimal("0.0009"))
    assert (row["to_asset"], row["to_amount"]) == ("BNB", Decimal("0.00045"))
    assert (row["fee_cost"], row["fee_currency"]) == (Decimal("0.000009"), "BNB")
    assert row["conversion_id"] == "4359321_USDT"


def test_two_assets_swapped_at_once_are_two_conversions(reading: Reading) -> None:
    raw = SAMPLES["conversions", "dust"]
    found = reading.rows(
        "conversions", source_of("conversions", "dust"), raw, raw | {"fromAsset": "ETH"}
    )
    assert {row["conversion_id"] for row in found} == {"4359321_USDT", "4359321_ETH"}


def test_a_failed_conversion_moves_nothing(reading: Reading) -> None:
    source, raw = source_of("conversions", "convert"), SAMPLES["conversions", "convert"]
    [row] = reading.rows("conversions", source, raw)
    assert (row["conversion_id"], row["kind"]) == ("940708407462087195", "convert")
    assert reading.rows("conversions", source, raw | {"orderStatus": "FAIL"}) == []
    page = source.feed.read({"list": [raw | {"orderStatus": "PROCESS"}]})
    [unread] = parsed(reading, "conversions", source, page).unread
    assert "PROCESS" in unread.reason


def _pages(count: int, start: int, end: int) -> list[Page]:
    """What a list of so many swapped assets proves, one a second, the newest at `AT`."""
    raw = SAMPLES["conversions", "dust"]
    rows = [raw | {"transId": n, "operateTime": AT - n * 1000} for n in range(count)]
    feed = source_of("conversions", "dust").feed

    async def call(method: str, params: Mapping[str, Any]) -> Any:
        return {"userAssetDribblets": [{"userAssetDribbletDetails": [row]} for row in rows]}

    async def walked() -> list[Page]:
        return [page async for page in feed.paging.walk(call, feed, start, end, None)]

    return asyncio.run(walked())


def test_a_full_list_of_dust_proves_nothing_before_its_oldest_row() -> None:
    start, end, oldest = AT - 200_000, AT + 1000, AT - 99_000
    [page] = _pages(99, start, end)
    assert (page.start, page.end, page.unverified, len(page.rows)) == (start, end, "", 99)
    unproven, proven = _pages(100, start, end)
    assert (unproven.start, unproven.end, len(unproven.rows)) == (start, oldest + 1, 1)
    assert unproven.unverified
    assert (proven.start, proven.end, proven.unverified) == (oldest + 1, end, "")
    assert len(proven.rows) == 99


def test_income_of_portfolio_margin_that_stays_in_the_wallet_is_no_entry(reading: Reading) -> None:
    """A fund collection, and other income under an id of its part."""
    source, fee = source_of("ledger", "portfolio usdm"), portfolio_margin_samples.UM_FEE
    assert reading.rows("ledger", source, portfolio_margin_samples.UM_TRANSFER) == []
    [row] = reading.rows("ledger", source, fee)
    assert (row["wallet"], row["class"]) == ("portfolio margin", "fee")
    assert (row["entry_id"], row["reference_id"]) == ("usdm 9689322392", "2059192")
    [row] = reading.rows("ledger", source, fee | {"incomeType": "AUTO_EXCHANGE", "tradeId": ""})
    assert (row["class"], row["reference_id"]) == ("other", "9689322392")


def test_what_is_owed_under_portfolio_margin_is_principal_and_interest() -> None:
    [wallet] = [wallet for wallet in BINANCE.wallets if wallet.name == "portfolio margin"]
    assert wallet.assets is not None
    [(asset, total, used, debt)] = wallet.assets([portfolio_margin_samples.BALANCE])
    assert (asset, total, used) == ("USDT", "122607.35137903", "3.00000000")
    assert debt == Decimal("10.72469206")


def test_a_fill_of_an_option_has_its_own_id_and_a_fee_that_was_paid(reading: Reading) -> None:
    """Its cost is open while nothing says how many coins a contract is about."""
    source = source_of("trades", "option")
    [row] = reading.rows("trades", source, option_samples.FILL)
    assert (row["market"], row["wallet"]) == ("BTC/USDT:USDT-200730-9000-C", "option")
    assert (row["trade_id"], row["side"], row["amount"]) == ("4611875134427365000", "buy", 1)
    assert (row["price"], row["cost"]) == (100, None)
    assert (row["fee_cost"], row["fee_currency"]) == (Decimal("1.04378629"), "USDT")
    assert (row["taker_or_maker"], row["kind"]) == ("taker", "trade")
    [row] = reading.rows("trades", source, option_samples.FILL | {"unit": "10"})
    assert row["cost"] == 1000
    [row] = reading.rows("trades", source, option_samples.SOLD_EARLIER)
    assert (row["side"], row["amount"]) == ("sell", Decimal("0.57"))
    assert row["taker_or_maker"] == "maker"


@pytest.mark.parametrize(
    ("changes", "side", "price", "cost", "fee"),
    [
        ({}, "sell", "0", "0", "0"),
        ({"amount": "150.5", "fee": "-0.9", "quantity": "2"}, "sell", "75.25", "150.5", "0.9"),
        ({"amount": "-90", "fee": "0.9", "positionSide": "SHORT"}, "buy", "90", "90", "0.9"),
        ({"amount": "90", "positionSide": "SHORT", "quantity": "-1"}, "buy", "90", "90", "0"),
    ],
)
def test_an_exercise_ends_a_position(
    changes: dict[str, str], side: str, price: str, cost: str, fee: str, reading: Reading
) -> None:
    source = source_of("trades", "exercises")
    [row] = reading.rows("trades", source, option_samples.EXERCISE | changes)
    assert (row["market"], row["kind"]) == ("BTC/USDT:USDT-220721-25000-C", "settlement")
    assert (row["trade_id"], row["side"]) == ("exercise-1125899906842624042", side)
    assert (row["price"], row["cost"], row["fee_cost"]) == (*map(Decimal, (price, cost, fee)),)
    assert (row["order_id"], row["taker_or_maker"]) == (None, None)


@pytest.mark.parametrize(
    ("stream", "changes"),
    [
        ("option", {"side": "HOLD"}),
        ("option", {"quoteAsset": "USDC"}),
        ("option", {"fee": "much"}),
        ("option", {"quantity": None}),
        ("exercises", {"positionSide": "BOTH"}),
        ("exercises", {"amount": "-1"}),
        ("exercises", {"quantity": "0"}),
        ("exercises", {"currency": "BTC"}),
    ],
)
def test_a_fill_of_an_option_that_cannot_be_right_is_not_read(
    stream: str, changes: dict[str, Any], reading: Reading
) -> None:
    source, raw = source_of("trades", stream), SAMPLES["trades", stream] | changes
    found = parsed(reading, "trades", source, [raw])
    assert (found.rows, len(found.unread)) == ([], 1)


def test_a_conditional_order_is_no_other_order(reading: Reading) -> None:
    source = source_of("orders", "usdm conditional")
    [row] = reading.rows("orders", source, _CONDITIONAL | {"algoStatus": "TRIGGERED"})
    assert row["order_id"] == "algo-2146760"
    assert (row["status"], row["type"], row["filled"]) == ("closed", "stop_market", 0)
    assert (row["price"], row["average"]) == (None, None)


def test_a_ledger_row_names_a_market_that_is_not_listed(reading: Reading) -> None:
    fee = _INCOME | {"symbol": "BTCUSDT_260327", "incomeType": "COMMISSION", "tradeId": "2059192"}
    reading.rows("ledger", source_of("ledger", "usdm"), fee)
    assert [m["symbol"] for m in reading.markets.unlisted] == ["BTC/USDT:USDT-260327"]


@pytest.mark.parametrize(("amount", "side"), [("3", "long"), ("-3", "short")])
def test_a_position_without_a_value_has_a_side(amount: str, side: str, reading: Reading) -> None:
    raw = {
        "symbol": "BTCUSD_PERP",
        "positionAmt": amount,
        "entryPrice": "40000",
        "breakEvenPrice": "0.0",
        "markPrice": "50000.0",
        "unRealizedProfit": "0.00100000",
        "liquidationPrice": "0",
        "leverage": "20",
        "maxQty": "50",
        "marginType": "cross",
        "isolatedMargin": "0.00000000",
        "isAutoAddMargin": "false",
        "positionSide": "BOTH",
        "updateTime": AT,
    }
    _, market = reading.markets.resolve("BTCUSD_PERP", "inverse")
    found = BINANCE.position(raw, reading.client.ccxt.parse_position_risk(raw, market))
    assert found is not None
    assert (found["side"], found["notional"]) == (side, "0.00600000")
