"""Binance's names: ids, contracts, and the kinds of its ledgers: the income history of the futures,
the capital flow of the margin account and the funding flow of options. Spot has no ledger."""

from bisect import bisect_left
from decimal import Decimal
from operator import attrgetter
from typing import NamedTuple

from exchange_simulator.binance import numbers
from exchange_simulator.binance.symbols import contract_size, contracts
from exchange_simulator.borrower import LOAN
from exchange_simulator.identity import hexadecimal, snowflake
from exchange_simulator.markets import Kind
from exchange_simulator.money import ZERO
from exchange_simulator.records import (
    PORTFOLIO_MARGIN,
    Between,
    Conditional,
    Conversion,
    Fill,
    Funding,
    LedgerEntry,
    Order,
    Source,
    Transfer,
)
from exchange_simulator.world import World

__all__ = [
    "Part",
    "client_order_id",
    "conditional_id",
    "contract_size",
    "contracts",
    "conversion_kind",
    "entry_id",
    "entry_kind",
    "exercise_id",
    "funding_id",
    "order_id",
    "part_of",
    "parts",
    "reference_id",
    "trade_id",
    "transaction_id",
    "transfer_id",
]

_number = attrgetter("number")
_ON_MARGIN = ("margin", "isolated")
_PRODUCTS: dict[Kind, str] = {"linear": "usdm", "inverse": "coinm"}


class Part(NamedTuple):
    """One row of a ledger entry: Binance reports a fill's fee separately from its other amounts."""

    kind: str
    id: str
    amount: Decimal


def trade_id(world: World, fill: Fill) -> str:
    """Unique only within its market."""
    if fill.kind == "settlement":
        return f"exercise-{exercise_id(fill)}"
    market = fill.order.market
    fills = world.account.fills_of[market.name].rows
    index = bisect_left(fills, fill.number, key=_number)
    first = numbers.OPTION_TRADES if market.kind == "option" else numbers.TRADES
    return str(numbers.number(world.seed, first, index))


def exercise_id(fill: Fill) -> str:
    """Of an option: a sequence of its own."""
    return str(1_125_899_906_842_624_042 + fill.number)


def order_id(world: World, order: Order) -> str:
    """Unique only within its market; what the exchange exercises has none."""
    if order.cause == "settlement":
        return ""
    orders = world.account.orders_on[order.market.name].rows
    index = bisect_left(orders, order.number, key=_number)
    return str(numbers.number(world.seed, first_order(order), index))


def conditional_id(world: World, order: Conditional) -> str:
    """Of a sequence of its own."""
    return str(2_146_760 + 3 * order.number)


def first_order(order: Order) -> int:
    return numbers.ORDERS if order.market.kind == "spot" else numbers.FUTURES_ORDERS


def client_order_id(world: World, order: Order) -> str:
    """Never empty. Orders of the exchange itself can only be recognized by it."""
    match order.cause:
        case "liquidation":
            return f"autoclose-{order.created_at}{order.number}"
        case "adl":
            return "adl_autoclose"
    return order.client_order_id or hexadecimal(world.seed, "client order", order.number)[:22]


def funding_id(world: World, funding: Funding) -> str:
    return str(transaction_id(world, funding))


def transfer_id(world: World, transfer: Transfer) -> str:
    if transfer.number in world.staker.transfer_ids:
        return world.staker.transfer_ids[transfer.number]
    if transfer.number in world.borrower.transfer_ids:
        return world.borrower.transfer_ids[transfer.number]
    if transfer.number in world.cashier.ids:
        return world.cashier.ids[transfer.number]
    if transfer.number in world.peers.deal_of:
        return world.peers.deal_of[transfer.number].id
    if transfer.number in world.peers.payment_of:
        paid = world.peers.payment_of[transfer.number].id
        wallet_type = 1 if "funding" in (transfer.from_wallet, transfer.to_wallet) else 2
        return f"pay {paid} {transfer.asset} {wallet_type}"
    match transfer.kind:
        case "transfer" if "earn" in (transfer.from_wallet, transfer.to_wallet):
            return world.saver.moves[transfer.number].name
        case "transfer":
            return str(transaction_id(world, transfer))
        case "deposit":
            return str(769_800_519_366_885_000 + transfer.number)
    return hexadecimal(world.seed, "withdrawal", transfer.number)[:32]


def conversion_id(world: World, conversion: Conversion) -> str:
    """`orderId` of a conversion, or `orderNo` of a payment in fiat money; what is staked has no id
    but its time, asset and amount."""
    if conversion.number in world.staker.conversion_ids:
        return world.staker.conversion_ids[conversion.number]
    if conversion.number in world.cashier.payment_ids:
        return world.cashier.payment_ids[conversion.number]
    return snowflake(world.seed, conversion.number, conversion.happened_at)


def conversion_kind(world: World, conversion: Conversion) -> str:
    return "buy" if conversion.number in world.cashier.payment_ids else "convert"


def transaction_id(world: World, source: Source) -> int:
    """`tranId`: shared by a fill's fee and profit, and by both wallets or accounts of a
    transfer."""
    match source:
        case Transfer(between=Between() as between):
            return 92_275_000_000 + int(between.id[:8], 16)
        case Fill():
            return 1_120_000_000_000 + source.number
        case Funding():
            return 4_480_321_991_774_000_000 + source.number
        case Transfer():
            return 11_366_865_000 + source.number
    return 12_807_067_000 + source.number


def entry_id(world: World, entry: LedgerEntry) -> str:
    """Id of the entry's last part."""
    return parts(world, entry)[-1].id


def entry_kind(entry: LedgerEntry) -> str:
    """Kind of the entry's last part."""
    return _flows(entry)[-1][0]


def part_of(entry: LedgerEntry) -> Kind:
    """Where under Portfolio Margin it is booked: cross margin is the part of spot."""
    match entry.source:
        case Fill() as fill:
            return fill.order.market.kind
        case Funding() as funding:
            return funding.market.kind
    return "spot"


def parts(world: World, entry: LedgerEntry) -> list[Part]:
    """Income rows are identified by type and `tranId`, rows of the capital flow and of the funding
    flow of options by `id`.

    Under Portfolio Margin, both futures have an income, cross margin has only lists of its loans.
    """
    if entry.wallet == PORTFOLIO_MARGIN:
        if entry.kind in _KINDS:
            return [Part(_KINDS[entry.kind], str(_loan_id(world, entry)), entry.amount)]
        product = _PRODUCTS.get(part_of(entry))
        name = f"{product} {transaction_id(world, entry.source)}"
        return [Part(kind, name, amount) for kind, amount in _flows(entry)] if product else []
    if entry.wallet == LOAN:
        known = world.borrower.entry_ids
        # what is moved between it and spot is in the list of transfers only
        if entry.number not in known:
            return []
        return [Part(_KINDS[entry.kind], known[entry.number], entry.amount)]
    if entry.wallet in _ON_MARGIN or entry.wallet == "option":
        first = bill_id(entry) if entry.wallet == "option" else flow_id(entry, 0)
        return [
            Part(kind, str(first + place), amount)
            for place, (kind, amount) in enumerate(_flows(entry))
        ]
    name = str(transaction_id(world, entry.source))
    return [Part(kind, name, amount) for kind, amount in _flows(entry)]


def reference_id(world: World, entry: LedgerEntry) -> str:
    """`tranId` in margin's capital flow, `tradeId` (of fills only) in the futures' income; none in
    the funding flow of options."""
    if entry.wallet == PORTFOLIO_MARGIN and not isinstance(entry.source, Fill):
        return str(_loan_id(world, entry))
    if entry.wallet in ("option", LOAN):
        return ""
    if entry.wallet in _ON_MARGIN:
        return str(transaction_id(world, entry.source))
    return trade_id(world, entry.source) if isinstance(entry.source, Fill) else ""


def _loan_id(world: World, entry: LedgerEntry) -> int:
    """Interest is paid with the repayment, which is booked next."""
    return transaction_id(world, entry.source) + (entry.kind == "interest")


def flow_id(entry: LedgerEntry, place: int) -> int:
    return 123_456 + entry.number * 2 + place


def bill_id(entry: LedgerEntry) -> int:
    return 1_125_899_906_842_624_000 + entry.number * 2


def _flows(entry: LedgerEntry) -> list[tuple[str, Decimal]]:
    match entry.source:
        case Fill() as fill if fill.order.market.kind == "spot":
            return _spot_flows(entry, fill)
        case Fill() as fill if entry.wallet == "option":
            # the page names no type of its own for what is exercised
            flows = [("CONTRACT", entry.amount + fill.fee), ("FEE", -fill.fee)]
            return [flow for flow in flows if flow[1]]
        case Fill() as fill:
            flows = [("COMMISSION", -fill.fee)]
            # zero amounts are not reported
            if fill.profit:
                flows.insert(0, ("REALIZED_PNL", fill.profit))
            return flows
        case Funding():
            return [("FUNDING_FEE", entry.amount)]
    return [(_KINDS.get(entry.kind, "TRANSFER"), entry.amount)]


# Binance does not document a type for interest in the capital flow: interest has its own history.
# It is included here under its own name so that the flow adds up.
_KINDS = {"borrow": "BORROW", "repay": "REPAY", "interest": "INTEREST"}


def _spot_flows(entry: LedgerEntry, fill: Fill) -> list[tuple[str, Decimal]]:
    charged = fill.fee if entry.asset == fill.fee_currency else ZERO
    moved = entry.amount + charged
    flows = [(f"{fill.order.side.upper()}_{'INCOME' if moved > 0 else 'EXPENSE'}", moved)]
    if charged:
        flows.append(("TRADING_COMMISSION", -charged))
    return flows
