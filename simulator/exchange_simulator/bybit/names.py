"""Bybit's names: ids, types of the transaction log, contracts of one coin or one dollar."""

from collections.abc import Sequence
from decimal import Decimal

from exchange_simulator.identity import uuid
from exchange_simulator.markets import Market
from exchange_simulator.money import plain
from exchange_simulator.pseudorandom import mix
from exchange_simulator.records import (
    Conversion,
    Fill,
    Funding,
    LedgerEntry,
    Order,
    Transfer,
)
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
_FUNDING_TYPES = {
    "reward": "Earn",
    "conversion": "Convert",
    "deposit": "Deposit",
    "withdrawal": "Withdraw",
    "refund": "Withdraw",
}
_FLEXIBLE, _ON_CHAIN = "Easy Earn | Flexible", "On-chain"


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
    if is_on_chain(world, transfer):
        return entry_id(world, _entry_of(world, transfer))
    if is_of_earn(transfer):
        return uuid(world.seed, "earn", transfer.number)
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


def exchange_id(world: World, conversion: Conversion) -> str:
    """`exchangeTxId`; that of a swap of small balances is one for all of them."""
    number = conversion.number if conversion.swap is None else conversion.swap
    return f"10100{mix(world.seed, conversion.swap is None, number):020}"


def conversion_id(world: World, conversion: Conversion) -> str:
    found = exchange_id(world, conversion)
    return found if conversion.swap is None else f"{found}_{conversion.from_asset}"


def entry_id(world: World, entry: LedgerEntry) -> str:
    if entry.wallet == "funding":
        direction = "I" if entry.amount > 0 else "O"
        amounts = f"{plain(abs(entry.amount))} {plain(entry.balance_after)}"
        return f"{entry.happened_at // 1000} {entry.asset} {direction} {amounts}"
    return f"{entry.number}_{uuid(world.seed, entry.wallet, entry.number)[:18]}"


def entry_kind(entry: LedgerEntry) -> str:
    if entry.wallet == "funding":
        return _FUNDING_TYPES.get(entry.kind) or _direction(entry)
    if entry.kind == "conversion":
        return "CURRENCY_BUY" if entry.amount > 0 else "CURRENCY_SELL"
    if is_of_earn(entry.source):
        return f"FLEXIBLE_STAKING_{'SUBSCRIPTION' if entry.amount < 0 else 'REDEMPTION'}"
    return _TYPES.get(entry.kind) or ("TRANSFER_IN" if entry.amount > 0 else "TRANSFER_OUT")


def funding_description(world: World, entry: LedgerEntry) -> str:
    """The documentation has that of interest of flexible savings only."""
    if entry_kind(entry) != "Earn":
        return entry_kind(entry)
    on_chain = isinstance(entry.source, Transfer) and entry.source.asset in world.layout.staked
    if entry.kind == "reward":
        what = "Earn Rewards" if on_chain else "Interest"
        return f"{_ON_CHAIN if on_chain else _FLEXIBLE} {what} Distribution"
    moved = "Subscription" if entry.amount < 0 else "Redemption"
    return f"{_ON_CHAIN} Earn {moved.lower()}" if on_chain else f"{_FLEXIBLE} {moved}"


def _direction(entry: LedgerEntry) -> str:
    if is_of_earn(entry.source):
        return "Earn"
    return "Transfer in" if entry.amount > 0 else "Transfer out"


def _entry_of(world: World, transfer: Transfer) -> LedgerEntry:
    """Its entry in the funding account."""
    ledger = world.account.books.ledger["funding"]
    entries = (ledger.rows[n] for n in ledger.span(transfer.happened_at, transfer.done_at))
    return next(entry for entry in entries if entry.source is transfer)


def is_on_chain(world: World, transfer: Transfer) -> bool:
    """Whether it moves what is staked on-chain."""
    return is_of_earn(transfer) and transfer.asset in world.layout.staked


def is_of_earn(source: object) -> bool:
    return isinstance(source, Transfer) and "earn" in (source.from_wallet, source.to_wallet)


def reference_id(world: World, entry: LedgerEntry) -> str:
    if entry.wallet == "funding":
        return ""
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
    own. Earn has no ledger."""
    if entry.wallet == "earn":
        return []
    name, kind = entry_id(world, entry), entry_kind(entry)
    session = entry.source.session if isinstance(entry.source, Funding) else Decimal(0)
    if not session:
        return [(kind, name, entry.amount)]
    return [(kind, name, entry.amount - session), (f"{kind} cashFlow", name, session)]


def contracts(market: Market, amount: Decimal) -> Decimal:
    return amount


def contract_size(market: Market) -> Decimal:
    return Decimal(1)
