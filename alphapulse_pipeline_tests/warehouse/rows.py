"""Short constructors of table rows."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

T0 = datetime(2026, 9, 1, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def trade(trade_id: object = 1, **values: Any) -> dict[str, Any]:
    return {
        "market": "BTC/USDT",
        "trade_id": str(trade_id),
        "side": "buy",
        "wallet": "unified",
        "order_id": None,
        "executed_at": at(60),
        "price": Decimal("60000.10"),
        "amount": Decimal("0.5"),
        "cost": Decimal("30000.05"),
        "fee_cost": None,
        "fee_currency": None,
        "taker_or_maker": "taker",
        "kind": "trade",
        "realized_pnl": None,
        "raw": {"id": str(trade_id)},
        **values,
    }


def order(order_id: object = 1, **values: Any) -> dict[str, Any]:
    return {
        "market": "BTC/USDT",
        "order_id": str(order_id),
        "wallet": "unified",
        "client_order_id": None,
        "status": "open",
        "type": "limit",
        "side": "buy",
        "price": Decimal(1),
        "amount": Decimal(2),
        "filled": Decimal(0),
        "average": None,
        "created_at": at(0),
        "updated_at": at(0),
        "raw": {},
        **values,
    }


def balance(asset: str = "BTC", **values: Any) -> dict[str, Any]:
    return {
        "wallet": "unified",
        "asset": asset,
        "free": Decimal(1),
        "used": Decimal(0),
        "total": Decimal(1),
        "debt": Decimal(0),
        **values,
    }


def transfer(transfer_id: object = 1, **values: Any) -> dict[str, Any]:
    return {
        "kind": "deposit",
        "transfer_id": str(transfer_id),
        "asset": "BTC",
        "amount": Decimal(1),
        "fee_cost": None,
        "fee_currency": None,
        "from_wallet": None,
        "to_wallet": "unified",
        "status": "ok",
        "network": None,
        "txid": None,
        "happened_at": at(60),
        "updated_at": None,
        "raw": {},
        **values,
    }


def market(name: str, **values: Any) -> dict[str, Any]:
    base, quote = name.split("/")
    return {
        "market": name,
        "raw_id": base + quote,
        "type": "spot",
        "base": base,
        "quote": quote,
        "settle": None,
        "contract_size": None,
        "active": True,
        "seen_at": at(1),
        **values,
    }
