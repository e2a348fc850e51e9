"""The neutral truth: what a perfect reader of the account would know at a time.

It speaks no exchange's dialect, so it is what any face, and any client of one, is checked against.
All numbers are exact strings.
"""

from collections.abc import Iterator
from typing import Any

from alphapulse_pipeline.simulator.identity import uuid
from alphapulse_pipeline.simulator.markets import DAY, KINDS
from alphapulse_pipeline.simulator.money import plain
from alphapulse_pipeline.simulator.records import Fill, Funding, Loan, Order, Position, Transfer
from alphapulse_pipeline.simulator.world import World

HISTORY_KEPT = 730 * DAY
UNFILLED_KEPT = DAY
"""Cancelled and rejected orders without a fill are told of for a day after they ended."""


def truth(world: World, at: int, *, forgotten: bool = False) -> dict[str, Any]:
    """`forgotten`: with the orders too that the exchange does not tell of any more."""
    world.live_until(at)
    return {
        "at": at,
        "seed": world.seed,
        "genesis": world.genesis,
        "balances": [
            {
                "wallet": balance.wallet,
                "asset": balance.asset,
                "free": plain(balance.free),
                "used": plain(balance.used),
                "total": plain(balance.total),
                "debt": plain(balance.debt),
            }
            for balance in world.balances(at)
        ],
        "positions": [_position(world, position, at) for position in world.open_positions(at)],
        "trades": list(_trades(world, at)),
        "orders": list(_orders(world, at, forgotten)),
        "transfers": [
            _transfer(world, transfer, at)
            for transfer in world.account.transfers.rows[: world.account.transfers.until(at)]
        ],
        "funding": list(_funding(world, at)),
        "ledger": list(_ledger(world, at)),
        "prices": [
            {
                "market": market.name,
                "last": plain(world.prices.last(market, at)),
                "bid": plain(world.prices.bid(market, at)),
                "ask": plain(world.prices.ask(market, at)),
            }
            for kind in KINDS
            for market in world.catalogue.listed(kind, at)
        ],
    }


def is_forgotten(order: Order, at: int) -> bool:
    """Whether the exchange has stopped to tell of an order."""
    if order.ended_at is None or order.ended_at > at:
        return False
    if any(fill.happened_at <= at for fill in order.fills):
        return order.created_at < at - HISTORY_KEPT
    return order.ended_at < at - UNFILLED_KEPT


def execution_id(world: World, row: Fill | Funding) -> str:
    return uuid(world.seed, "execution", row.number)


def transfer_id(world: World, transfer: Transfer) -> str:
    if transfer.kind == "transfer":
        return f"selfTransfer_{uuid(world.seed, 'transfer', transfer.number)}"
    if transfer.kind == "deposit":
        return str(104_600_000 + transfer.number)
    return str(98_000_000 + transfer.number)


def entry_id(world: World, wallet: str, number: int) -> str:
    return f"{number}_{uuid(world.seed, wallet, number)[:18]}"


def _executions(world: World, at: int) -> Iterator[Fill | Funding]:
    for kind in KINDS:
        executions = world.account.executions[kind]
        yield from executions.rows[: executions.until(at)]


def _position(world: World, position: Position, at: int) -> dict[str, Any]:
    market = position.market
    mark = world.prices.mark(market, at)
    liquidation = world.liquidation_price(position)
    return {
        "market": market.name,
        "side": "long" if position.size > 0 else "short",
        "margin_mode": "cross",
        "contracts": plain(abs(position.size)),
        "contract_size": "1",
        "entry_price": plain(position.entry_price),
        "mark_price": plain(mark),
        "notional": plain(position.basis),
        "unrealized_pnl": plain(position.profit(mark)),
        "leverage": None if market.kind == "option" else plain(market.leverage),
        "liquidation_price": None if liquidation is None else plain(liquidation),
    }


def _trades(world: World, at: int) -> Iterator[dict[str, Any]]:
    for fill in _executions(world, at):
        if isinstance(fill, Fill):
            yield {
                "market": fill.order.market.name,
                "trade_id": execution_id(world, fill),
                "side": fill.order.side,
                "wallet": "unified",
                "order_id": fill.order.order_id,
                "executed_at": fill.happened_at,
                "price": plain(fill.price),
                "amount": plain(fill.amount),
                "cost": plain(fill.cost),
                "fee_cost": plain(fill.fee),
                "fee_currency": fill.fee_currency,
                "taker_or_maker": "maker" if fill.maker else "taker",
                "kind": fill.kind,
            }


def _orders(world: World, at: int, forgotten: bool) -> Iterator[dict[str, Any]]:
    orders = world.account.orders
    for order in orders.rows[: orders.until(at)]:
        gone = is_forgotten(order, at)
        if gone and not forgotten:
            continue
        state = order.at(at)
        average = order.average(state)
        yield {
            "market": order.market.name,
            "order_id": order.order_id,
            "wallet": "unified",
            "client_order_id": order.client_order_id,
            "status": state.status,
            "type": order.type,
            "side": order.side,
            "price": plain(order.limit) if order.type == "limit" else None,
            "amount": plain(order.amount),
            "filled": plain(state.filled),
            "average": None if average is None else plain(average),
            "created_at": order.created_at,
            "updated_at": state.updated_at,
            "forgotten": gone,
        }


def _transfer(world: World, transfer: Transfer, at: int) -> dict[str, Any]:
    return {
        "kind": transfer.kind,
        "transfer_id": transfer_id(world, transfer),
        "asset": transfer.asset,
        "amount": plain(transfer.amount),
        "fee_cost": plain(transfer.fee),
        "fee_currency": transfer.asset if transfer.fee else "",
        "from_wallet": transfer.from_wallet,
        "to_wallet": transfer.to_wallet,
        "status": transfer.status(at),
        "network": transfer.network,
        "txid": transfer.txid,
        "happened_at": transfer.happened_at,
    }


def _funding(world: World, at: int) -> Iterator[dict[str, Any]]:
    for funding in _executions(world, at):
        if isinstance(funding, Funding):
            yield {
                "market": funding.market.name,
                "funding_id": execution_id(world, funding),
                "wallet": "unified",
                "asset": funding.market.settle,
                "amount": plain(funding.amount),
                "happened_at": funding.happened_at,
            }


def _ledger(world: World, at: int) -> Iterator[dict[str, Any]]:
    for wallet, entries in world.account.books.ledger.items():
        for entry in entries.rows[: entries.until(at)]:
            match entry.source:
                case Fill() | Funding() as execution:
                    reference = execution_id(world, execution)
                case Transfer() as transfer:
                    reference = transfer_id(world, transfer)
                case Loan():
                    reference = ""
            yield {
                "wallet": wallet,
                "kind": entry.kind,
                "entry_id": entry_id(world, wallet, entry.number),
                "asset": entry.asset,
                "amount": plain(entry.amount),
                "balance_after": plain(entry.balance_after),
                "reference_id": reference,
                "happened_at": entry.happened_at,
            }
