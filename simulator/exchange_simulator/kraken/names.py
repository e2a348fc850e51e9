"""Kraken's ids of trades, orders, transfers and ledger entries.

Ids are `TXXXXX-XXXXX-XXXXXX`, starting with T for trades, O for orders and L for ledger entries.
They are random: neither ids nor pages can be ordered by them.
"""

from base64 import b32encode
from decimal import Decimal
from hashlib import blake2b

from exchange_simulator.markets import Market
from exchange_simulator.records import (
    Conversion,
    Fill,
    Funding,
    LedgerEntry,
    Order,
    OrderStatus,
    Position,
    Transfer,
)
from exchange_simulator.world import World

_KINDS = {
    "refund": "withdrawal",
    "transfer": "earn",
    "reward": "earn",
    "funding": "rollover",
    "borrow": "credit",
    "repay": "credit",
    "interest": "rollover",
    "liquidation": "trade",
    "adl": "trade",
    "settlement": "settled",
}


def trade_id(world: World, fill: Fill) -> str:
    return _transaction("T", world.seed, fill.number)


def order_id(world: World, order: Order) -> str:
    return _transaction("O", world.seed, order.number)


def funding_id(world: World, funding: Funding) -> str:
    """The rollover fee of a position on margin refers to the fill that opened it."""
    fills = world.account.fills_of[funding.market.name]
    opening = None
    for fill in reversed(fills.rows[: fills.until(funding.happened_at)]):
        if opening is not None and not fill.position:
            break
        opening = fill
    assert opening is not None, "only open positions pay rollover fees"
    return trade_id(world, opening)


def position_id(world: World, position: Position) -> str:
    """The id of the fill that opened the position."""
    fills = world.account.fills_of[position.market.name]
    opening = next(fill for fill in fills.rows if fill.happened_at == position.opened_at)
    return trade_id(world, opening)


def entry_id(world: World, entry: LedgerEntry) -> str:
    # entries are numbered by wallet
    apart = "" if entry.wallet == world.layout.spot_wallet else f"/{entry.wallet}"
    return _transaction(f"L{apart}", world.seed, entry.number)


def transfer_id(world: World, transfer: Transfer) -> str:
    """A reference id: `QXXXXXX-XXXXXX-XXXXXX` for deposits, starting with A for withdrawals. The
    two entries of an allocation to Earn have the same."""
    letter = {"deposit": "Q", "withdrawal": "A", "transfer": "E", "reward": "E"}[transfer.kind]
    text = _letters(letter, world.seed, transfer.number)
    return f"{letter}{text[:6]}-{text[6:12]}-{text[12:18]}"


def conversion_id(world: World, conversion: Conversion) -> str:
    """The reference id of its two entries."""
    return _transaction("T/app", world.seed, conversion.number)


def entry_kind(entry: LedgerEntry) -> str:
    """A canceled withdrawal is refunded as a withdrawal with a positive amount."""
    if isinstance(entry.source, Fill) and is_margin(entry.source.order.market):
        return "margin"
    if entry.kind == "conversion":
        return "spend" if entry.amount < 0 else "receive"
    return _KINDS.get(entry.kind, entry.kind)


def subtype(entry: LedgerEntry) -> str:
    """What an entry of the type earn is."""
    match entry.source:
        case Transfer(kind="reward"):
            return "reward"
        case Transfer(kind="transfer", to_wallet="earn"):
            return "allocation"
        case Transfer(kind="transfer"):
            return "deallocation"
    return ""


def is_margin(market: Market) -> bool:
    """Whether a market's fills are on margin: positions are contracts on a spot pair."""
    return market.kind != "spot"


def order_status(status: OrderStatus) -> OrderStatus:
    """A rejected order is reported as canceled; `reason` says why."""
    return "canceled" if status == "rejected" else status


def contracts(market: Market, amount: Decimal) -> Decimal:
    return amount


def contract_size(market: Market) -> Decimal:
    return Decimal(1)


def _transaction(letter: str, seed: int, number: int) -> str:
    text = _letters(letter, seed, number)
    return f"{letter[0]}{text[:5]}-{text[5:10]}-{text[10:16]}"


def _letters(kind: str, seed: int, number: int) -> str:
    """Nineteen characters of A-Z and 2-7."""
    digest = blake2b(f"{seed}/kraken/{kind}/{number}".encode(), digest_size=12).digest()
    return b32encode(digest).decode()[:19]
