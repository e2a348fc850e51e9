"""Bybit's names: ids, types of the transaction log, contracts of one coin or one dollar."""

from decimal import Decimal

from exchange_simulator.identity import uuid
from exchange_simulator.markets import Market
from exchange_simulator.records import Fill, Funding, LedgerEntry, Order, Transfer
from exchange_simulator.world import World

_TYPES = {
    "trade": "TRADE",
    "liquidation": "LIQUIDATION",
    "adl": "ADL",
    "settlement": "DELIVERY",
    "funding": "SETTLEMENT",
    "interest": "INTEREST",
    "borrow": "MANUAL_BORROW",
    "repay": "MANUAL_REPAY",
}


def trade_id(world: World, fill: Fill) -> str:
    return execution_id(world, fill)


def funding_id(world: World, funding: Funding) -> str:
    return execution_id(world, funding)


def execution_id(world: World, row: Fill | Funding) -> str:
    """Fills and funding payments are both executions and share one numbering."""
    return uuid(world.seed, "execution", row.number)


def order_id(world: World, order: Order) -> str:
    return order.order_id


def transfer_id(world: World, transfer: Transfer) -> str:
    if transfer.kind == "transfer":
        own = transfer.from_wallet and transfer.to_wallet
        kind = "selfTransfer" if own else "universalTransfer"
        return f"{kind}_{uuid(world.seed, 'transfer', transfer.number)}"
    if transfer.kind == "deposit" and not transfer.network:
        # deposits from other users have a numbering of their own
        return f"internal_{1_100 + transfer.number}"
    if transfer.kind == "deposit":
        return str(104_600_000 + transfer.number)
    return str(98_000_000 + transfer.number)


def entry_id(world: World, entry: LedgerEntry) -> str:
    return f"{entry.number}_{uuid(world.seed, entry.wallet, entry.number)[:18]}"


def entry_kind(entry: LedgerEntry) -> str:
    return _TYPES.get(entry.kind) or ("TRANSFER_IN" if entry.amount > 0 else "TRANSFER_OUT")


def contracts(market: Market, amount: Decimal) -> Decimal:
    return amount


def contract_size(market: Market) -> Decimal:
    return Decimal(1)
