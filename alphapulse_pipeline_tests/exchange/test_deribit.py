"""Deribit, from answers of the form that its documentation shows.

docs.deribit.com/articles/accessing-historical-trades-orders (undated).
"""

from collections.abc import Mapping
from typing import Any

import pytest

from alphapulse_pipeline.exchange.errors import Incomplete
from alphapulse_pipeline_tests.exchange.accounts import DAY, account, market

PERPETUAL = market("BTC/USD:BTC", "BTC-PERPETUAL", contractSize="10")


def order(number: int) -> dict[str, Any]:
    return {
        "order_id": str(number),
        "instrument_name": "BTC-PERPETUAL",
        "order_state": "cancelled" if number % 2 else "filled",
        "order_type": "limit",
        "direction": "buy",
        "price": 60000.5,
        "amount": 40,
        "filled_amount": 40 * (1 - number % 2),
        "average_price": 60000.5,
        "creation_timestamp": DAY + number,
        "last_update_timestamp": DAY + number,
    }


def fill(number: int) -> dict[str, Any]:
    return {
        "trade_id": f"{number}",
        "instrument_name": "BTC-PERPETUAL",
        "direction": "sell",
        "price": 60000.5,
        "amount": 40,
        "timestamp": DAY + number,
        "fee": -2.1e-7,
        "fee_currency": "BTC",
        "order_id": "7",
        "liquidity": "M",
        "state": "filled",
    }


def answers(orders: list[Any], fills: list[Any]) -> Any:
    """The historical records; the recent ones are empty."""

    def answer(path: str, asked: Mapping[str, Any]) -> Any:
        mine = asked.get("currency") == "BTC" and asked.get("historical") == "true"
        if path.endswith("/get_order_history_by_currency"):
            whole = asked["include_old"] == asked["include_unfilled"] == "true"
            return {"result": orders[: int(asked.get("count", 20))] if mine and whole else []}
        if path.endswith("/get_user_trades_by_currency_and_time"):
            first, last = int(asked["start_timestamp"]), int(asked["end_timestamp"])
            inside = [f for f in fills if first <= f["timestamp"] <= last] if mine else []
            return {"result": {"trades": inside[: int(asked["count"])], "has_more": False}}
        return None

    return answer


def test_historical_trades_and_orders_are_read() -> None:
    orders, fills = [order(n) for n in range(30)], [fill(n) for n in range(15)]
    with account("deribit", answers(orders, fills), PERPETUAL) as deribit:
        read = deribit.rows("orders")
        assert {row["order_id"] for row in read} == {o["order_id"] for o in orders}
        assert {row["status"] for row in read} == {"closed", "canceled"}
        assert {row["trade_id"] for row in deribit.rows("trades")} == {f["trade_id"] for f in fills}


def test_more_orders_than_one_answer_holds_stay_a_gap() -> None:
    orders = [order(n) for n in range(1500)]
    with (
        account("deribit", answers(orders, []), PERPETUAL) as deribit,
        pytest.raises(Incomplete, match="at most 1000 rows"),
    ):
        deribit.rows("orders", "BTC")
