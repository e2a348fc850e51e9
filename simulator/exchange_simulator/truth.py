"""The truth: what a perfect client of the account would know at a given time.

Ids and contract counts are the exchange's own, so that any client of its protocol can be checked;
everything else is independent of the exchange. All numbers are exact strings.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, TypeVar

from exchange_simulator.exchanges import EXCHANGES
from exchange_simulator.markets import KINDS
from exchange_simulator.money import plain
from exchange_simulator.records import (
    Conversion,
    Fill,
    Funding,
    LedgerEntry,
    Loan,
    Order,
    Position,
    Reward,
    Transfer,
)
from exchange_simulator.retention import is_expired
from exchange_simulator.simulated_exchange import SimulatedExchange
from exchange_simulator.timeline import Timeline
from exchange_simulator.world import World

Row = dict[str, Any]
Happened = TypeVar("Happened")


def truth(world: World, at: int, *, expired: bool = False) -> dict[str, Any]:
    """Everything that the exchange serves at `at`, by dataset. Datasets and wallets that it never
    serves are left out; rows that have expired by `at` are included only with `expired`. Raises
    KeyError if the world's exchange has no simulated protocol."""
    world.advance_to(at)
    view = _View(world, EXCHANGES[world.layout.exchange], at, expired)
    return {
        "at": at,
        "seed": world.seed,
        "genesis": world.genesis,
        **{
            name: list(rows(view)) for name, rows in _DATASETS.items() if view.exchange.serves(name)
        },
    }


@dataclass(frozen=True, slots=True)
class _View:
    world: World
    exchange: SimulatedExchange
    at: int
    expired: bool

    def rows(self, timeline: Timeline[Happened]) -> list[Happened]:
        return timeline.rows[: timeline.until(self.at)]

    def executions(self) -> Iterator[Fill | Funding]:
        for kind in KINDS:
            yield from self.rows(self.world.account.executions[kind])

    def includes(self, dataset: str, wallet: str, happened_at: int) -> bool:
        if not self.exchange.serves(dataset, wallet):
            return False
        retention = self.exchange.retention_for(dataset, wallet)
        return self.expired or retention is None or happened_at >= self.at - retention

    def contracts(self, position_or_order: Position | Order, amount: Decimal) -> str:
        return plain(self.exchange.names.contracts(position_or_order.market, amount))


def _balances(view: _View) -> Iterator[Row]:
    for balance in view.world.balances(view.at):
        if view.exchange.serves("balances", balance.wallet):
            yield {
                "wallet": balance.wallet,
                "asset": balance.asset,
                "free": plain(balance.free),
                "used": plain(balance.used),
                "total": plain(balance.total),
                "debt": plain(balance.debt),
            }


def _positions(view: _View) -> Iterator[Row]:
    for position in view.world.open_positions(view.at):
        market = position.market
        mark = view.world.prices.mark(market, view.at)
        liquidation = view.world.liquidation_price(position)
        yield {
            "market": market.name,
            "side": "long" if position.size > 0 else "short",
            "margin_mode": "isolated" if market.name in view.world.layout.isolated else "cross",
            "contracts": view.contracts(position, abs(position.size)),
            "contract_size": plain(view.exchange.names.contract_size(market)),
            "entry_price": plain(position.entry_price),
            "mark_price": plain(mark),
            "notional": plain(position.basis),
            "unrealized_pnl": plain(position.profit(mark)),
            "leverage": None if market.kind == "option" else plain(market.leverage),
            "liquidation_price": None if liquidation is None else plain(liquidation),
        }


def _trades(view: _View) -> Iterator[Row]:
    names = view.exchange.names
    for fill in view.executions():
        if not isinstance(fill, Fill):
            continue
        order = fill.order
        if view.includes("trades", order.wallet, fill.happened_at):
            yield {
                "market": order.market.name,
                "trade_id": names.trade_id(view.world, fill),
                "side": order.side,
                "wallet": order.wallet,
                "order_id": names.order_id(view.world, order),
                "executed_at": fill.happened_at,
                "price": plain(fill.price),
                "amount": view.contracts(order, fill.amount),
                "cost": plain(fill.cost),
                "fee_cost": plain(fill.fee),
                "fee_currency": fill.fee_currency,
                "taker_or_maker": _taker_or_maker(view, fill),
                "kind": fill.kind,
            }


def _taker_or_maker(view: _View, fill: Fill) -> str | None:
    if fill.kind == "settlement" and not view.exchange.exercises_are_fills:
        return None
    return "maker" if fill.maker else "taker"


def _orders(view: _View) -> Iterator[Row]:
    for order in view.rows(view.world.account.orders):
        expired = is_expired(view.exchange.retention, order, view.at)
        if (expired and not view.expired) or not view.exchange.serves("orders", order.wallet):
            continue
        state = order.at(view.at)
        average = order.average(state)
        yield {
            "market": order.market.name,
            "order_id": view.exchange.names.order_id(view.world, order),
            "wallet": order.wallet,
            "client_order_id": view.exchange.client_order_id(view.world, order),
            "status": view.exchange.order_status(state.status),
            "type": order.type,
            "side": order.side,
            "price": plain(order.limit) if order.type == "limit" else None,
            "amount": view.contracts(order, order.amount),
            "filled": view.contracts(order, state.filled),
            "average": None if average is None else plain(average),
            "created_at": order.created_at,
            "updated_at": state.updated_at,
            "expired": expired,
        }
    yield from _conditionals(view)


def _conditionals(view: _View) -> Iterator[Row]:
    """Conditional orders; those that placed an order are closed."""
    expired, ids = view.exchange.conditional_expired, view.exchange.conditional_id
    if expired is None or ids is None:
        return
    contracts = view.exchange.names.contracts
    for order in view.rows(view.world.account.conditionals):
        gone = expired(order, view.at)
        if gone and not view.expired:
            continue
        status = order.status(view.at)
        yield {
            "market": order.market.name,
            "order_id": f"algo-{ids(view.world, order)}",
            "wallet": view.world.layout.wallet_of[order.market.kind],
            "client_order_id": f"conditional-{order.number}",
            "status": status,
            "type": order.type,
            "side": order.side,
            "price": plain(order.limit) if order.limit else None,
            "amount": plain(contracts(order.market, order.amount)),
            "filled": "0",
            "average": None,
            "created_at": order.happened_at,
            "updated_at": order.happened_at if status == "open" else order.ended_at,
            "expired": gone,
        }


def _transfers(view: _View) -> Iterator[Row]:
    between_accounts = view.exchange.serves("transfers", "between accounts")
    for transfer in view.rows(view.world.account.transfers):
        between_wallets = transfer.from_wallet and transfer.to_wallet
        if transfer.kind == "reward":
            continue  # only in the ledger, as what is not between two wallets
        if transfer.kind == "transfer" and not between_wallets and not between_accounts:
            continue
        if _is_staking(view, transfer) and not view.exchange.serves("transfers", "staked"):
            continue
        if view.includes("transfers", transfer.kind, transfer.happened_at):
            status = transfer.status(view.at)
            unsent = transfer.kind == "withdrawal" and status != "ok"
            listed_as: str = "staked" if _is_staking(view, transfer) else transfer.kind
            if "isolated" in (transfer.from_wallet, transfer.to_wallet):
                listed_as = "isolated"
            yield {
                "kind": transfer.kind,
                "transfer_id": view.exchange.names.transfer_id(view.world, transfer),
                "asset": transfer.asset,
                "amount": plain(transfer.amount),
                "fee_cost": plain(transfer.fee),
                "fee_currency": transfer.asset if transfer.fee else "",
                "from_wallet": transfer.from_wallet,
                "to_wallet": transfer.to_wallet,
                "status": status,
                "network": transfer.network,
                "txid": None if unsent else transfer.txid,
                "happened_at": view.exchange.reported_at(
                    "transfers", listed_as, transfer.happened_at
                ),
            }


def _is_staking(view: _View, transfer: Transfer) -> bool:
    moved_there = "earn" in (transfer.from_wallet, transfer.to_wallet)
    return moved_there and transfer.asset in view.world.layout.staked


def _funding(view: _View) -> Iterator[Row]:
    for funding in view.executions():
        if not isinstance(funding, Funding):
            continue
        wallet = view.world.layout.wallet_of[funding.market.kind]
        if view.includes("funding", wallet, funding.happened_at):
            yield {
                "market": funding.market.name,
                "funding_id": view.exchange.names.funding_id(view.world, funding),
                "wallet": wallet,
                "asset": funding.market.settle,
                "amount": plain(funding.amount),
                "happened_at": funding.happened_at,
            }


def _kind(view: _View, conversion: Conversion) -> str:
    if kinds := view.exchange.conversion_kind_of:
        return kinds(view.world, conversion)
    return view.exchange.conversion_kind if conversion.swap is None else "dust"


def _conversions(view: _View) -> Iterator[Row]:
    ids = view.exchange.conversion_id
    if ids is None:
        return
    for conversion in view.rows(view.world.account.conversions):
        place = "one-click repay" if conversion.repays else ""
        if not view.includes("conversions", place, conversion.listed_at):
            continue
        yield {
            "kind": _kind(view, conversion),
            "conversion_id": ids(view.world, conversion),
            "wallet": conversion.wallet,
            "from_asset": conversion.from_asset,
            "from_amount": plain(conversion.from_amount),
            "to_asset": conversion.to_asset,
            "to_amount": plain(conversion.to_amount),
            "fee_cost": plain(conversion.fee),
            "fee_currency": conversion.fee_asset if conversion.fee else "",
            "happened_at": view.exchange.reported_at("conversions", place, conversion.listed_at),
        }


def _ledger(view: _View) -> Iterator[Row]:
    for wallet, entries in view.world.account.books.ledger.items():
        balances = view.exchange.serves("balance_after", wallet)
        for entry in view.rows(entries):
            if not view.includes("ledger", wallet, entry.happened_at):
                continue
            if wallet != "funding" and entry.happened_at < view.world.upgraded_at:
                continue  # the ledgers of classic accounts are no longer served
            balance = entry.balance_after - entry.amount
            for raw_kind, entry_id, amount in view.exchange.rows_of(view.world, entry):
                balance += amount
                yield {
                    "wallet": wallet,
                    "kind": entry.kind,
                    "raw_kind": raw_kind,
                    "entry_id": entry_id,
                    "asset": entry.asset,
                    "amount": plain(amount),
                    # what isolated positions hold is not in it
                    "balance_after": plain(balance - entry.margin) if balances else None,
                    "reference_id": _reference(view, entry),
                    "happened_at": view.exchange.reported_at("ledger", wallet, entry.happened_at),
                }


def _reference(view: _View, entry: LedgerEntry) -> str:
    if view.exchange.reference_id is not None:
        return view.exchange.reference_id(view.world, entry)
    match entry.source:
        case Fill() as fill:
            return view.exchange.names.trade_id(view.world, fill)
        case Funding() as funding:
            return view.exchange.names.funding_id(view.world, funding)
        case Loan() | Reward():
            return ""
        case Conversion() as conversion:
            ids = view.exchange.conversion_id
            return "" if ids is None else ids(view.world, conversion)
        case transfer:
            return view.exchange.names.transfer_id(view.world, transfer)


def _prices(view: _View) -> Iterator[Row]:
    prices = view.world.prices
    for kind in KINDS:
        for market in view.world.catalogue.listed(kind, view.at):
            yield {
                "market": market.name,
                "last": plain(prices.last(market, view.at)),
                "bid": plain(prices.bid(market, view.at)),
                "ask": plain(prices.ask(market, view.at)),
            }


_DATASETS: Mapping[str, Callable[[_View], Iterator[Row]]] = {
    "balances": _balances,
    "positions": _positions,
    "trades": _trades,
    "orders": _orders,
    "transfers": _transfers,
    "funding": _funding,
    "conversions": _conversions,
    "ledger": _ledger,
    "prices": _prices,
}
