"""Bybit's names: ids, types of the transaction log, contracts of one coin or one dollar."""

from collections.abc import Sequence
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
    "borrow": "BORROW",
    "repay": "REPAY",
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
    if transfer.between:
        return f"universalTransfer_{transfer.between.id}"
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


def reference_id(world: World, entry: LedgerEntry) -> str:
    match entry.source:
        case Fill() as fill:
            return trade_id(world, fill)
        case Funding() as funding:
            return settlement_id(world, funding)
        case Transfer() as transfer:
            return transfer_id(world, transfer)
    return ""


def settlement_id(world: World, funding: Funding) -> str:
    """Whether it is that of the funding payment, no page says: not where it settles more."""
    if funding.session:
        return uuid(world.seed, "settlement", funding.number)
    return funding_id(world, funding)


def parts(world: World, entry: LedgerEntry) -> Sequence[tuple[str, str, Decimal]]:
    """The log has a session's profit in an entry together with the funding, as an amount of its
    own."""
    name, kind = entry_id(world, entry), entry_kind(entry)
    session = entry.source.session if isinstance(entry.source, Funding) else Decimal(0)
    if not session:
        return [(kind, name, entry.amount)]
    return [(kind, name, entry.amount - session), (f"{kind} cashFlow", name, session)]


def contracts(market: Market, amount: Decimal) -> Decimal:
    return amount


def contract_size(market: Market) -> Decimal:
    return Decimal(1)
