"""Portfolio Margin: cross margin and both futures in one account.

Documentation: "Account Balance", "Query UM Position Information", "UM Account Trade List", "Get UM
Income History" and the same of CM (developers.binance.com/en/docs/catalog/
advanced-trading-derivatives-trading-portfolio-margin/api/rest-api, 2026-08-21). What is moved in
and out of it is moved through cross margin ("Wallet Transfers, Auto Fund Functions, and Negative
Balances in Binance Portfolio Margin", 2025-01-17), so what the futures hold is what they have
earned; it may be negative.
"""

from collections import defaultdict
from decimal import Decimal
from typing import Any, NamedTuple

from exchange_simulator.binance.answers import Refused
from exchange_simulator.binance.call import Call, Result
from exchange_simulator.binance.figures import eight
from exchange_simulator.binance.futures_orders import (
    all_orders,
    coin_all_orders,
    open_orders,
    order,
)
from exchange_simulator.binance.futures_positions import profit, risk_of_portfolio
from exchange_simulator.binance.futures_trades import coin_user_trades, user_trades
from exchange_simulator.binance.income import income_rows
from exchange_simulator.binance.names import part_of, transaction_id
from exchange_simulator.binance.pages import wallet_window
from exchange_simulator.markets import DAY, Kind
from exchange_simulator.money import ZERO, plain
from exchange_simulator.records import PORTFOLIO_MARGIN, LedgerEntry
from exchange_simulator.timeline import Timeline

_BOOKS: dict[Kind, str] = {
    "spot": "Cross Margin (PM)",
    "linear": "USDⓈ-M Futures (PM)",
    "inverse": "COIN-M Futures (PM)",
}
"""The names of its totals are in no documentation."""


class _Asset(NamedTuple):
    name: str
    cross: Decimal
    locked: Decimal
    debt: Decimal
    linear: Decimal
    inverse: Decimal


def balance(call: Call) -> Result:
    """Every asset that was ever held; only one, without a list around it, with `asset`."""
    asked, profits = call.text("asset"), _profits(call)
    rows = [
        {
            "asset": asset.name,
            "totalWalletBalance": eight(asset.cross + asset.linear + asset.inverse),
            "crossMarginAsset": eight(asset.cross),
            "crossMarginBorrowed": eight(asset.debt),
            "crossMarginFree": eight(asset.cross - asset.locked),
            "crossMarginInterest": eight(ZERO),  # part of what is borrowed here
            "crossMarginLocked": eight(asset.locked),
            "umWalletBalance": eight(asset.linear),
            "umUnrealizedPNL": eight(profits["linear", asset.name]),
            "cmWalletBalance": eight(asset.inverse),
            "cmUnrealizedPNL": eight(profits["inverse", asset.name]),
            "updateTime": call.now,
            "negativeBalance": eight(min(asset.linear, ZERO) + min(asset.inverse, ZERO)),
        }
        for asset in _assets(call)
        if asked in ("", asset.name)
    ]
    return rows[0] if asked and rows else rows


def books(call: Call) -> dict[str, dict[str, Decimal]]:
    """What each part is worth without the profit of open positions: name -> asset -> amount."""
    if not call.world.layout.portfolio_margin:
        return {}
    found: dict[str, dict[str, Decimal]] = {name: {} for name in _BOOKS.values()}
    for asset in _assets(call):
        found[_BOOKS["spot"]][asset.name] = asset.cross - asset.debt
        found[_BOOKS["linear"]][asset.name] = asset.linear
        found[_BOOKS["inverse"]][asset.name] = asset.inverse
    return found


def positions(call: Call) -> Result:
    if not _trades(call):
        return []
    return risk_of_portfolio(call)


def fills(call: Call) -> Result:
    if not _trades(call):
        return []
    return coin_user_trades(call, DAY) if call.kind == "inverse" else user_trades(call)


def earnings(call: Call) -> Result:
    """The income of one part: a `tranId` is a text here."""
    if not _trades(call):
        return []
    return [{**row, "tranId": str(row["tranId"])} for row in income_rows(call)]


def orders_of_futures(call: Call) -> Result:
    if not _trades(call):
        return []
    return coin_all_orders(call) if call.kind == "inverse" else all_orders(call)


def open_orders_of_futures(call: Call) -> Result:
    return open_orders(call) if _trades(call) else []


def order_of_futures(call: Call) -> Result:
    if not _trades(call):
        raise Refused(-2013)
    return order(call)


def loans(call: Call) -> Result:
    return _records(call, "borrow")


def repayments(call: Call) -> Result:
    """Each with the interest that is paid in the same moment."""
    return _records(call, "repay")


def interest(call: Call) -> Result:
    """Newest first, in windows of at most 30 days: what is added to a debt once a day; the real
    exchange charges it hourly."""
    asset, window = call.text("asset"), wallet_window(call, 30 * DAY)
    rows, borrowed_at = [], 0
    owed: defaultdict[str, Decimal] = defaultdict(Decimal)
    for loan in call.world.account.books.debts(PORTFOLIO_MARGIN):
        before, owed[loan.asset] = owed[loan.asset], loan.owed
        if not before:
            borrowed_at = loan.happened_at
        if not window.start <= loan.happened_at <= min(window.end, call.now):
            continue
        if loan.owed > before > ZERO and asset in ("", loan.asset):
            rows.append(
                {
                    "txId": 1_352_286_576_452_864_727 + loan.number,
                    "interestAccuredTime": loan.happened_at,
                    "asset": loan.asset,
                    "rawAsset": loan.asset,
                    "principal": plain(before),
                    "interest": plain(loan.owed - before),
                    "interestRate": "0.00023000",
                    "type": "ON_BORROW" if loan.happened_at == borrowed_at else "PERIODIC",
                }
            )
    return _page(call, rows[::-1])


# -- internals ---------------------------------------------------------------------------------


def _records(call: Call, kind: str) -> Result:
    """Newest first, of one asset, in windows of at most 30 days."""
    asset, window = call.required("asset"), wallet_window(call, 30 * DAY)
    ledger = call.world.account.books.ledger.get(PORTFOLIO_MARGIN, Timeline())
    found: list[LedgerEntry] = [
        entry
        for _, entry in call.exchange.newest_first(ledger, window.start, window.end, call.now)
        if entry.asset == asset
    ]
    paid = {entry.happened_at: -entry.amount for entry in found if entry.kind == "interest"}
    rows = []
    for entry in found:
        if entry.kind != kind:
            continue
        principal, interest = abs(entry.amount), paid.get(entry.happened_at, ZERO)
        row = {
            "txId": transaction_id(call.world, entry.source),
            "asset": asset,
            "principal": plain(principal),
            "timestamp": entry.happened_at,
            "status": "CONFIRMED",
        }
        if kind == "repay":
            row |= {"amount": plain(principal + interest), "interest": plain(interest)}
        rows.append(row)
    return _page(call, rows)


def _page(call: Call, rows: list[dict[str, Any]]) -> Result:
    current, size = call.integer("current") or 1, call.limit(10, 100, "size")
    return {"rows": rows[(current - 1) * size : current * size], "total": len(rows)}


def _trades(call: Call) -> bool:
    """Whether the contracts of this endpoint are traded under Portfolio Margin."""
    return call.world.layout.wallet_of.get(call.kind) == PORTFOLIO_MARGIN


def _assets(call: Call) -> list[_Asset]:
    ledger = call.world.account.books.ledger.get(PORTFOLIO_MARGIN, Timeline())
    earned: defaultdict[tuple[Kind, str], Decimal] = defaultdict(Decimal)
    for entry in ledger.rows[: ledger.until(call.now)]:
        earned[part_of(entry), entry.asset] += entry.amount
    return [
        _Asset(
            held.asset,
            earned["spot", held.asset],
            held.used,
            held.debt,
            earned["linear", held.asset],
            earned["inverse", held.asset],
        )
        for held in call.world.balances(call.now)
        if held.wallet == PORTFOLIO_MARGIN
    ]


def _profits(call: Call) -> defaultdict[tuple[Kind, str], Decimal]:
    found: defaultdict[tuple[Kind, str], Decimal] = defaultdict(Decimal)
    for position in call.world.open_positions(call.now):
        found[position.market.kind, position.market.settle] += profit(call, position)
    return found
