"""The futures wallets' ledger (documentation, USD-M and COIN-M: "Get Income History")."""

from collections.abc import Iterator
from itertools import islice
from typing import Any

from exchange_simulator.binance.answers import Refused
from exchange_simulator.binance.call import Call, Result
from exchange_simulator.binance.figures import eight
from exchange_simulator.binance.futures_orders import wallet_of
from exchange_simulator.binance.names import part_of, parts, trade_id, transaction_id
from exchange_simulator.binance.retention import THREE_MONTHS
from exchange_simulator.binance.symbols import symbol_of
from exchange_simulator.markets import DAY, WEEK
from exchange_simulator.records import PORTFOLIO_MARGIN, Fill, Funding, LedgerEntry
from exchange_simulator.world import World


def income(call: Call) -> Result:
    return income_rows(call)


def income_rows(call: Call) -> list[dict[str, Any]]:
    """Oldest first. A `tranId` is unique only among rows of the same type: a fill's fee and profit
    share one."""
    start, end = call.integer("startTime"), call.integer("endTime")
    symbol, kind = call.text("symbol"), call.text("incomeType")
    limit, page = call.limit(100, 1000), call.integer("page") or 1
    if start is None:
        start = (call.now if end is None else end) - WEEK
    if end is None:
        end = call.now
    if start > end:
        raise Refused(-1023, "Start time is greater than end time.")
    days = 200 if call.world.layout.portfolio_margin else 365
    if call.kind == "inverse" and end - start > days * DAY:
        raise Refused(-4165, f"Maximum time interval is {days} days")
    # the page of COIN-M does not say it
    start = max(start, call.now - THREE_MONTHS)
    ledger = call.world.account.books.ledger[wallet_of(call)]
    rows = (
        row
        for _, entry in call.exchange.oldest_first(ledger, start, end, call.now)
        if entry.wallet != PORTFOLIO_MARGIN or part_of(entry) == call.kind
        for row in _rows(call.world, entry)
        if (not symbol or row["symbol"] == symbol) and (not kind or row["incomeType"] == kind)
    )
    return list(islice(rows, (page - 1) * limit, page * limit))


def _rows(world: World, entry: LedgerEntry) -> Iterator[dict[str, Any]]:
    symbol = trade = ""
    match entry.source:
        case Fill() as fill:
            symbol, trade = symbol_of(fill.order.market), trade_id(world, fill)
        case Funding() as funding:
            symbol = symbol_of(funding.market)
    number = transaction_id(world, entry.source)
    for part in parts(world, entry):
        yield {
            "symbol": symbol,
            "incomeType": part.kind,
            "income": eight(part.amount),
            "asset": entry.asset,
            "time": entry.happened_at,
            "info": trade or part.kind,
            # a number on USD-M, a string on COIN-M
            "tranId": number if entry.wallet == "usdm" else str(number),
            "tradeId": trade,
        }
