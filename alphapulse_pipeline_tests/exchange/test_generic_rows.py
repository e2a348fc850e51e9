"""Rows of exchanges read through ccxt, from answers of the form that their pages document."""

import logging
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest

from alphapulse_pipeline_tests.exchange.accounts import DAY, account, market

NO_HASH = "0x" + "0" * 64


def gate_fill(number: int, **fees: str) -> dict[str, Any]:
    """https://www.gate.com/docs/developers/apiv4/en/#query-personal-trading-records"""
    return {
        "id": str(number),
        "create_time": str(DAY // 1000),
        "create_time_ms": f"{DAY + number}.123000",
        "currency_pair": "BTC_USDT",
        "side": "buy",
        "role": "taker",
        "amount": "0.5",
        "price": "70000",
        "order_id": f"order-{number}",
        "fee": "0",
        "fee_currency": "BTC",
        "point_fee": "0",
        "gt_fee": "0",
        **fees,
    }


def test_fees_that_gate_charges_in_gt_or_points_are_kept(caplog: pytest.LogCaptureFixture) -> None:
    fills = [
        gate_fill(1, fee="0.0005"),
        gate_fill(2, gt_fee="1.25"),
        gate_fill(3, point_fee="3.5"),
        gate_fill(4, fee="0.0001", point_fee="2"),
        gate_fill(5),
    ]

    def answers(path: str, asked: Mapping[str, Any]) -> Any:
        return fills if path.endswith("/spot/my_trades") else None

    with (
        account("gate", answers, market("BTC/USDT", "BTC_USDT")) as gate,
        caplog.at_level(logging.WARNING, "alphapulse_pipeline"),
    ):
        rows = gate.rows("trades", "spot")
    assert [(row["fee_cost"], row["fee_currency"]) for row in rows] == [
        (Decimal("0.0005"), "BTC"),
        (Decimal("1.25"), "GT"),
        (Decimal("3.5"), "GATEPOINT"),
        (Decimal("0.0001"), "BTC"),
        (Decimal(0), "BTC"),
    ]
    assert "1 rows have fees in several currencies" in caplog.text
    assert rows[3]["raw"]["point_fee"] == "2"


def test_payments_whose_hash_is_zero_are_told_apart() -> None:
    """https://hyperliquid.gitbook.io/hyperliquid-docs (info endpoint, `userFunding`)"""
    payments = [
        {
            "time": DAY + hour,
            "hash": NO_HASH,
            "delta": {
                "type": "funding",
                "coin": coin,
                "usdc": "-3.625312",
                "szi": "49.1477",
                "fundingRate": "0.0000417",
            },
        }
        for hour in (0, 1)
        for coin in ("BTC", "ETH")
    ]

    def answers(path: str, asked: Mapping[str, Any]) -> Any:
        return payments if asked["type"] == "userFunding" else None

    listed = [market(f"{coin}/USDC:USDC", coin) for coin in ("BTC", "ETH")]
    with account("hyperliquid", answers, *listed) as hyperliquid:
        rows, again = hyperliquid.rows("funding"), hyperliquid.rows("funding")
    assert len({(row["market"], row["funding_id"]) for row in rows}) == 4
    assert rows == again


def htx_answers(path: str, asked: Mapping[str, Any]) -> Any:
    """https://huobiapi.github.io/docs/spot/v1/en/ (symbols, currencies, deposit-withdraw)"""
    chain = {"chain": "trc20usdt", "displayName": "TRC20", "depositStatus": "allowed"}
    transfer = {
        "id": "7",
        "type": asked.get("type"),
        "currency": "usdt",
        "chain": "trc20usdt",
        "tx-hash": "a2e2",
        "amount": "25.000000000000000000",
        "fee": "1.000000000000000000",
        "state": "safe",
        "created-at": DAY,
        "updated-at": DAY,
    }
    symbol = {"base-currency": "btc", "quote-currency": "usdt", "state": "online"}
    data: dict[str, Any] = {
        "/v1/common/symbols": [symbol],
        "/v2/reference/currencies": [
            {"currency": "usdt", "assetType": "1", "chains": [chain], "instStatus": "normal"}
        ],
        "/v1/query/deposit-withdraw": [transfer],
    }
    return {"status": "ok", "code": 200, "data": data[path]} if path in data else None


def test_deposits_are_read_with_markets_of_an_earlier_run() -> None:
    with account("htx", htx_answers) as first:
        first.client.ccxt.options["fetchMarkets"] = {"types": {"spot": True}}
        catalogue = first.client.load_markets()
    with account("htx", htx_answers) as htx:
        htx.client.restore_markets(catalogue)
        [row] = htx.rows("transfers", "deposits")
        assert "/v2/reference/currencies" not in {path for path, _ in htx.asked}
    assert (row["asset"], row["amount"], row["network"]) == ("USDT", Decimal(25), "TRC20")


@pytest.mark.parametrize("stream", ["spot", "swap usdt"])
def test_gates_ledger_is_asked_for_in_seconds(stream: str) -> None:
    """https://github.com/gateio/gateapi-python/blob/master/docs/SpotApi.md (2025-07-31)"""
    entry = {"id": "5", "change": "1.5", "balance": "4.5", "text": "", "type": "fund"}
    books = {
        "/spot/account_book": [{**entry, "time": DAY, "currency": "BTC"}],
        "/futures/usdt/account_book": [{**entry, "time": DAY / 1000 + 0.123456}],
    }

    def answers(path: str, asked: Mapping[str, Any]) -> Any:
        book = next(rows for name, rows in books.items() if path.endswith(name))
        return book if int(asked["from"]) * 1000 <= DAY <= int(asked["to"]) * 1000 else []

    with account("gate", answers, market("BTC/USDT", "BTC_USDT")) as gate:
        [row] = gate.rows("ledger", stream)
        sent = [(int(asked["from"]), int(asked["to"])) for _, asked in gate.asked]
    assert all(first < last < DAY // 100 for first, last in sent)
    assert (row["asset"], row["amount"]) == ("BTC" if stream == "spot" else "USDT", Decimal("1.5"))
    assert row["wallet"] == stream.partition(" ")[0]
    assert abs(row["happened_at"].timestamp() * 1000 - DAY) < 1000
