"""ccxt's structures as rows of the tables: exact numbers, aware times, the wallet in every row."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

Row = dict[str, Any]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def number(value: Any) -> Decimal | None:
    """A number that ccxt left as text, exactly. None and '' are no number."""
    if value is None or value == "":
        return None
    if isinstance(value, float):
        raise TypeError(f"a float came through ccxt: {value!r}; money is never a float")
    return Decimal(value)


def moment(milliseconds: Any) -> datetime:
    """Milliseconds since 1970 as an aware time. Raises `ValueError` where there is none."""
    if milliseconds is None or milliseconds == "":
        raise ValueError("the exchange gave no time for a row that needs one")
    return _EPOCH + timedelta(milliseconds=int(milliseconds))


def balances(wallet: str, balance: Mapping[str, Any]) -> Iterator[Row]:
    """Rows of a ccxt balance structure. An asset of which there is nothing is no row."""
    for asset in balance.get("total", {}):
        entry = balance[asset]
        total = number(entry.get("total")) or Decimal(0)
        used = number(entry.get("used")) or Decimal(0)
        debt = number(entry.get("debt")) or Decimal(0)
        if total or used or debt:
            yield {
                "wallet": wallet,
                "asset": asset,
                "free": number(entry.get("free")),
                "used": used,
                "total": total,
                "debt": debt,
            }


def held(wallet: str, asset: str, total: Decimal, used: Decimal, debt: Decimal = Decimal(0)) -> Row:
    """A balance row of what the exchange itself calls total and used."""
    return {
        "wallet": wallet,
        "asset": asset,
        "free": total - used,
        "used": used,
        "total": total,
        "debt": debt,
    }


def position(market: str, position: Mapping[str, Any], margin_mode: str) -> Row | None:
    """The row of a ccxt position structure; None where nothing is held."""
    contracts = number(position.get("contracts"))
    if not contracts:
        return None
    return {
        "market": market,
        "side": position.get("side") or "",
        "margin_mode": position.get("marginMode") or margin_mode,
        "contracts": contracts,
        "contract_size": number(position.get("contractSize")),
        "entry_price": number(position.get("entryPrice")),
        "mark_price": number(position.get("markPrice")),
        "notional": number(position.get("notional")),
        "unrealized_pnl": number(position.get("unrealizedPnl")),
        "leverage": number(position.get("leverage")),
        "liquidation_price": number(position.get("liquidationPrice")),
    }


def price(market: str, ticker: Mapping[str, Any]) -> Row:
    """The row of a ccxt ticker."""
    return {
        "market": market,
        "last": number(ticker.get("last")),
        "bid": number(ticker.get("bid")),
        "ask": number(ticker.get("ask")),
    }


def trade(wallet: str, market: str, trade: Mapping[str, Any]) -> Row:
    """The row of a ccxt trade structure, its `info` kept whole."""
    fee = trade.get("fee") or {}
    return {
        "market": market,
        "trade_id": trade["id"],
        "side": trade.get("side") or "",
        "wallet": wallet,
        "order_id": trade.get("order"),
        "executed_at": moment(trade["timestamp"]),
        "price": number(trade["price"]),
        "amount": number(trade["amount"]),
        "cost": number(trade["cost"]),
        "fee_cost": number(fee.get("cost")),
        "fee_currency": fee.get("currency"),
        "taker_or_maker": trade.get("takerOrMaker"),
        "kind": "trade",
        "realized_pnl": None,
        "raw": trade["info"],
    }


def order(wallet: str, market: str, order: Mapping[str, Any]) -> Row:
    """The row of a ccxt order structure, its `info` kept whole."""
    created = order["timestamp"]
    updated = order.get("lastUpdateTimestamp") or order.get("lastTradeTimestamp") or created
    return {
        "market": market,
        "order_id": order["id"],
        "wallet": wallet,
        "client_order_id": order.get("clientOrderId"),
        "status": order["status"],
        "type": order.get("type"),
        "side": order.get("side") or "",
        # a market order has no price: what exchanges show there is their slippage limit
        "price": None if order.get("type") == "market" else number(order.get("price")),
        "amount": number(order.get("amount")),
        "filled": number(order.get("filled")),
        "average": number(order.get("average")),
        "created_at": moment(created),
        "updated_at": moment(updated),
        "raw": order["info"],
    }


def transfer(kind: str, transfer: Mapping[str, Any]) -> Row:
    """The row of a ccxt transaction or transfer structure, its `info` kept whole."""
    fee = transfer.get("fee") or {}
    cost = number(fee.get("cost"))
    return {
        "kind": kind,
        "transfer_id": transfer["id"],
        "asset": transfer["currency"],
        "amount": number(transfer["amount"]),
        "fee_cost": cost,
        "fee_currency": fee.get("currency") if cost else None,
        "from_wallet": transfer.get("fromAccount"),
        "to_wallet": transfer.get("toAccount"),
        "status": transfer.get("status"),
        "network": transfer.get("network"),
        "txid": transfer.get("txid"),
        "happened_at": moment(transfer["timestamp"]),
        "updated_at": None,
        "raw": transfer["info"],
    }


def funding(wallet: str, market: str, income: Mapping[str, Any]) -> Row:
    """The row of a ccxt funding structure, its `info` kept whole."""
    return {
        "market": market,
        "funding_id": income["id"],
        "wallet": wallet,
        "asset": income.get("code"),
        "amount": number(income["amount"]),
        "happened_at": moment(income["timestamp"]),
        "raw": income["info"],
    }


def entry(wallet: str, entry: Mapping[str, Any]) -> Row:
    """The row of a ccxt ledger structure, its `info` kept whole; the fee is part of the change."""
    amount = number(entry["amount"]) or Decimal(0)
    fee = number((entry.get("fee") or {}).get("cost")) or Decimal(0)
    change = amount.copy_abs() * (-1 if entry.get("direction") == "out" else 1) - fee
    return {
        "wallet": wallet,
        "kind": entry.get("type") or "",
        "entry_id": entry["id"],
        "asset": entry["currency"],
        "amount": change,
        "balance_after": number(entry.get("after")),
        "reference_id": entry.get("referenceId"),
        "class": "other",
        "happened_at": moment(entry["timestamp"]),
        "raw": entry["info"],
    }
