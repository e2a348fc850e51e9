"""Fills (documentation: "Get Trades History", "Query Trades Info").

Unless `consolidate_taker` is false, the fills of one taker order at the same time are one trade
with the id of the first fill.
"""

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any

from exchange_simulator.kraken import names
from exchange_simulator.kraken.call import Call, Result
from exchange_simulator.kraken.numbers import fixed, seconds
from exchange_simulator.kraken.pages import by_id, history, page
from exchange_simulator.kraken.symbols import pair_id
from exchange_simulator.money import ZERO, nearest, plain
from exchange_simulator.records import Fill
from exchange_simulator.world import World

_FIRST_TRADE = 40_000_000
_ON_POSITIONS = ("any position", "closed position", "closing position")

Trade = list[Fill]
"""The fills of one trade, oldest first."""


def trades_history(call: Call) -> Result:
    kind = call.choice("type", "all", "no position", *_ON_POSITIONS)
    fills = (row for row in history(call, call.directories.trades) if _is(kind, row))
    trades = trades_of(call, fills)
    return page(call, "trades", trades, lambda trade: _row(call, trade))


def query_trades(call: Call) -> Result:
    fills = by_id(call, call.directories.trades, call.ids("txid", 20))
    return dict(_row(call, [fill]) for fill in fills)


def trades_of(call: Call, newest_first: Iterable[Fill]) -> Iterator[Trade]:
    """Group fills into trades, consolidated or not, newest first."""
    if not call.flag("consolidate_taker", True):
        return ([fill] for fill in newest_first)
    return (list(group)[::-1] for _, group in groupby(newest_first, _taken_with))


def id_of(world: World, trade: Trade) -> str:
    return names.trade_id(world, trade[0])


def _is(kind: str, fill: Fill) -> bool:
    """Whether a fill is one of the `type` asked for; `closed position` are the opening ones of
    positions closed since, which no client asks for."""
    margin = names.is_margin(fill.order.market)
    match kind:
        case "all":
            return True
        case "no position":
            return not margin
        case "any position":
            return margin
        case _:
            return margin and bool(fill.closed)


def _taken_with(fill: Fill) -> tuple[int, int]:
    """Equal for fills of one trade; every maker fill is a trade by itself."""
    return fill.order.number, -fill.number if fill.maker else fill.happened_at


def _row(call: Call, trade: Trade) -> tuple[str, dict[str, Any]]:
    world, first = call.exchange.world, trade[0]
    order, market = first.order, first.order.market
    amount = sum((fill.amount for fill in trade), ZERO)
    cost = sum((fill.cost for fill in trade), ZERO)
    row: dict[str, Any] = {
        "ordertxid": names.order_id(world, order),
        "postxid": "TKH2SE-M7IF5-CFI7LT",
        "pair": pair_id(market),
        "aclass": "forex",
        "time": seconds(first.happened_at),
        "type": order.side,
        "ordertype": order.type,
        "price": fixed(first.price if len(trade) == 1 else nearest(cost / amount)),
        "cost": fixed(cost),
        "fee": fixed(sum((fill.fee for fill in trade), ZERO)),
        "vol": fixed(amount),
        **_on_margin(trade),
        "trade_id": _FIRST_TRADE + first.number,
        "maker": first.maker,
    }
    if call.flag("ledgers"):
        row["ledgers"] = [name for fill in trade for name in _entries(world, fill)]
    return id_of(world, trade), row


def _on_margin(trade: Trade) -> dict[str, Any]:
    """The margin used, and whether the trade closes or opens a position."""
    market = trade[0].order.market
    if not names.is_margin(market):
        return {"margin": fixed(ZERO), "leverage": "0", "misc": ""}
    cost = sum((fill.cost for fill in trade), ZERO)
    closing = any(fill.closed for fill in trade)
    return {
        "margin": fixed(nearest(cost / market.leverage)),
        "leverage": plain(market.leverage),
        "misc": "closing" if closing else "",
        **({} if closing else {"posstatus": "open"}),
    }


def _entries(world: World, fill: Fill) -> Iterator[str]:
    ledger = world.account.books.ledger[fill.order.wallet]
    for index in ledger.span(fill.happened_at, fill.happened_at):
        if ledger.rows[index].source is fill:
            yield names.entry_id(world, ledger.rows[index])
