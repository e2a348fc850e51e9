"""Exchanges read through ccxt whose answers ccxt or the derived requests got wrong."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest

from alphapulse_pipeline.exchange.errors import Incomplete
from alphapulse_pipeline_tests.exchange.accounts import DAY, account, market


def test_mexcs_funding_of_a_market_that_is_no_longer_listed_is_read() -> None:
    """https://www.mexc.com/api-docs/futures/account-and-trading-endpoints (funding records)"""
    payments = [
        {
            "id": number,
            "symbol": symbol,
            "positionType": 1,
            "positionValue": 29.30024,
            "funding": 0.00076180624,
            "rate": -0.000026,
            "settleTime": DAY,
        }
        for number, symbol in enumerate(("BTC_USDT", "LUNA_USDT"), 1)
    ]

    def answers(path: str, asked: Mapping[str, Any]) -> Any:
        found = {"totalPage": 1, "currentPage": 1, "resultList": payments}
        return {"success": True, "code": 0, "data": found} if "funding_records" in path else None

    with account("mexc", answers, market("BTC/USDT:USDT", "BTC_USDT")) as mexc:
        rows = mexc.rows("funding")
    assert [(row["market"], row["asset"]) for row in rows] == [
        ("BTC/USDT:USDT", "USDT"),
        ("LUNA/USDT:USDT", "USDT"),
    ]


def test_a_page_is_not_asked_to_be_larger_than_allowed() -> None:
    asked = []

    def answers(path: str, sent: Mapping[str, Any]) -> Any:
        asked.append((path.rpartition("/")[2], {n: sent[n] for n in _SIZES if n in sent}))
        return {"status": "ok", "success": True, "code": 0, "data": []}

    with account("htx", answers, market("BTC/USDT", "btcusdt")) as htx:
        htx.client.run(htx.client.request, *_request(htx, "orders", "spot", "BTC/USDT"))
    with account("mexc", answers, market("BTC/USDT:USDT", "BTC_USDT")) as mexc:
        mexc.client.run(mexc.client.request, *_request(mexc, "orders", "swap"))
    assert asked == [("orders", {"size": "100"}), ("history_orders", {"page_size": "100"})]


_SIZES = ("size", "page_size")


def _request(read: Any, dataset: str, stream: str, symbol: str = "") -> tuple[str, dict[str, Any]]:
    source = read.venue.histories[dataset][stream]
    chosen = {source.per_market: symbol} if symbol else {}
    return source.feed.method, {**source.feed.params, **source.feed.between(DAY, DAY), **chosen}


def test_bitstamps_ledger_leaves_out_the_trades_that_are_read_as_such() -> None:
    """https://www.bitstamp.net/api/#tag/Transactions-private (user transactions)"""
    entries = [
        {"id": 1, "datetime": "2026-09-21 14:13:20.000000", "type": "0", "btc": "0.5", "fee": "0"},
        {
            "id": 2,
            "datetime": "2026-09-21 14:14:20.000000",
            "type": "2",
            "order_id": 77,
            "btc": "-0.25",
            "usd": "15000.00",
            "btc_usd": 60000.0,
            "fee": "1.50",
        },
    ]

    def answers(path: str, asked: Mapping[str, Any]) -> Any:
        return entries if path.endswith("/user_transactions/") else None

    with account(
        "bitstamp", answers, market("BTC/USD", "btcusd", baseId="btc", quoteId="usd")
    ) as bitstamp:
        ledger, trades = bitstamp.rows("ledger"), bitstamp.rows("trades")
    assert [(row["entry_id"], row["asset"], row["amount"]) for row in ledger] == [
        ("1", "BTC", Decimal("0.5"))
    ]
    assert [(row["trade_id"], row["amount"]) for row in trades] == [("2", Decimal("0.25"))]


def test_bitstamps_other_transactions_do_not_hide_that_an_answer_was_cut_off() -> None:
    deposit = {"datetime": "2026-09-21 14:13:20.000000", "type": "0", "btc": "0.5", "fee": "0"}

    def answers(path: str, asked: Mapping[str, Any]) -> Any:
        return [{**deposit, "id": number} for number in range(int(asked["limit"]))]

    with account("bitstamp", answers, market("BTC/USD", "btcusd", baseId="btc")) as bitstamp:
        for dataset in ("trades", "transfers", "ledger"):
            with pytest.raises(Incomplete, match="at most 1000 rows"):
                bitstamp.rows(dataset)


def test_bitfinex_ledger_entries_are_in_the_wallet_that_they_name() -> None:
    """https://docs.bitfinex.com/reference/rest-auth-ledgers"""
    descriptions = [
        "Settlement @ 185.79 on wallet margin",
        "Deposit #2 on wallet exchange",
        "Other",
    ]
    entries = [
        [number, "USD", None, DAY, None, 0.5, 10.5, None, description]
        for number, description in enumerate(descriptions)
    ]

    def answers(path: str, asked: Mapping[str, Any]) -> Any:
        return entries if path.endswith("/ledgers/hist") else None

    with account("bitfinex", answers, market("BTC/USD", "tBTCUSD")) as bitfinex:
        rows = bitfinex.rows("ledger")
    assert [row["wallet"] for row in rows] == ["margin", "exchange", ""]


def test_kraken_futures_fills_of_inverse_contracts_are_read() -> None:
    """https://docs.kraken.com/api-reference/account-history/get-fills"""
    fills = [
        {
            "fillTime": "2026-09-21T14:13:20.000Z",
            "order_id": "c18f0c17",
            "fill_id": f"522d4e0{number}",
            "symbol": symbol,
            "side": "buy",
            "size": size,
            "price": 60000.5,
            "fillType": "maker",
        }
        for number, (symbol, size) in enumerate((("PI_XBTUSD", 600), ("PF_XBTUSD", 0.25)))
    ]

    def answers(path: str, asked: Mapping[str, Any]) -> Any:
        return {"result": "success", "fills": fills} if path.endswith("/fills") else None

    listed = [
        market("BTC/USD:BTC", "PI_XBTUSD", contractSize="1", maker="0.0002"),
        market("BTC/USD:USD", "PF_XBTUSD", contractSize="1", maker="0.0002"),
    ]
    with account("krakenfutures", answers, *listed) as futures:
        rows = futures.rows("trades")
    assert [(row["market"], row["wallet"], row["amount"]) for row in rows] == [
        ("BTC/USD:BTC", "margin", Decimal(600)),
        ("BTC/USD:USD", "flex", Decimal("0.25")),
    ]


def test_kraken_futures_ledger_entries_are_in_the_wallet_of_their_account() -> None:
    """https://docs.kraken.com/api-reference/account-history/get-account-log"""
    entries = [
        {
            "id": number,
            "date": "2026-09-21T14:13:20.000Z",
            "asset": asset,
            "info": info,
            "margin_account": name,
            "booking_uid": f"booking-{number}",
            "execution": execution,
            "old_balance": 10,
            "new_balance": 9.5,
            "fee": 0.1,
        }
        for number, (asset, info, name, execution) in enumerate(
            (
                ("usd", "futures trade", "flex", "522d4e0"),
                ("xbt", "funding rate change", "f-xbt:usd", None),
                ("xbt", "cross-exchange transfer", "cash", None),
            )
        )
    ]

    def answers(path: str, asked: Mapping[str, Any]) -> Any:
        return {"logs": entries} if path.endswith("/account-log") else None

    with account("krakenfutures", answers, market("BTC/USD:USD", "PF_XBTUSD")) as futures:
        rows = futures.rows("ledger")
    assert [
        (r["wallet"], r["asset"], r["amount"], r["class"], r["reference_id"]) for r in rows
    ] == [
        ("flex", "USD", Decimal("-0.5"), "trade", "522d4e0"),
        ("margin", "BTC", Decimal("-0.5"), "funding", "booking-1"),
        ("cash", "BTC", Decimal("-0.5"), "transfer", "booking-2"),
    ]
