"""The ledger (documentation: "Get Ledgers Info", "Query Ledgers").

A trade has two entries, one per asset, that reference it. An entry's balance is the previous
balance plus its amount minus its fee.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from exchange_simulator.kraken import names
from exchange_simulator.kraken.call import Call, Result
from exchange_simulator.kraken.numbers import of_asset, seconds
from exchange_simulator.kraken.pages import by_id, history, page
from exchange_simulator.kraken.symbols import asset_altname, asset_code
from exchange_simulator.money import ZERO
from exchange_simulator.records import Conversion, Fill, Funding, LedgerEntry, Loan, Reward
from exchange_simulator.world import World

_TYPES = (
    "all",
    "trade",
    "deposit",
    "withdrawal",
    "transfer",
    "margin",
    "adjustment",
    "rollover",
    "credit",
    "settled",
    "staking",
    "dividend",
    "sale",
    "nft_rebate",
    "conversion",
    "earn",
)


def ledgers(call: Call) -> Result:
    entries = filter(_wanted(call), history(call, call.directories.entries))
    return page(call, "ledger", entries, lambda entry: _row(call, entry))


def query_ledgers(call: Call) -> Result:
    entries = by_id(call, call.directories.entries, call.ids("id", 20))
    return dict(_row(call, entry) for entry in entries)


def _wanted(call: Call) -> Callable[[LedgerEntry], bool]:
    kind = call.choice("type", *_TYPES)
    call.choice("aclass", "currency", "all")
    # "a filter that brings up all Spend and Receive entries"
    kinds = ("spend", "receive") if kind == "sale" else (kind,)
    asked = {asset for asset in call.text("asset").split(",") if asset and asset != "all"}
    world = call.exchange.world
    assets = {
        (wallet, asset)
        for wallet in world.layout.wallets
        for asset in world.account.books.assets(wallet, call.now)
        if not asked or asked & {asset_code(wallet, asset), asset_altname(asset)}
    }

    def wanted(entry: LedgerEntry) -> bool:
        return (entry.wallet, entry.asset) in assets and (
            kind == "all" or names.entry_kind(entry) in kinds
        )

    return wanted


def _row(call: Call, entry: LedgerEntry) -> tuple[str, dict[str, Any]]:
    world, fee = call.exchange.world, _fee(entry)
    return names.entry_id(world, entry), {
        "refid": _reference(world, entry),
        "time": seconds(entry.happened_at),
        "type": names.entry_kind(entry),
        "subtype": names.subtype(entry),
        "aclass": "currency",
        "asset": asset_code(entry.wallet, entry.asset),
        "amount": of_asset(entry.amount + fee, entry.asset),
        "fee": of_asset(fee, entry.asset),
        "balance": of_asset(entry.balance_after, entry.asset),
    }


def _fee(entry: LedgerEntry) -> Decimal:
    match entry.source:
        case Fill() as fill:
            return fill.fee if fill.fee_currency == entry.asset else ZERO
        case Funding():
            # a rollover fee
            return -entry.amount
        case Loan() | Reward():
            return ZERO
        case Conversion() as conversion:
            return conversion.fee if entry.amount < 0 else ZERO
        case transfer:
            # a refunded withdrawal returns its fee
            return -transfer.fee if entry.kind == "refund" else transfer.fee


def _reference(world: World, entry: LedgerEntry) -> str:
    match entry.source:
        case Fill() as fill:
            return names.trade_id(world, fill)
        case Funding() as funding:
            return names.funding_id(world, funding)
        case Loan() | Reward():
            return ""
        case Conversion() as conversion:
            return names.conversion_id(world, conversion)
        case transfer:
            return names.transfer_id(world, transfer)
