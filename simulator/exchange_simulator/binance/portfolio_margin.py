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
from typing import NamedTuple

from exchange_simulator.binance.call import Call, Result
from exchange_simulator.binance.figures import eight
from exchange_simulator.binance.futures_positions import profit, risk_of_portfolio
from exchange_simulator.binance.futures_trades import coin_user_trades, user_trades
from exchange_simulator.binance.income import income_rows
from exchange_simulator.binance.names import part_of
from exchange_simulator.markets import DAY, Kind
from exchange_simulator.money import ZERO
from exchange_simulator.records import Wallet
from exchange_simulator.timeline import Timeline

PORTFOLIO_MARGIN: Wallet = "portfolio margin"
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
            "crossMarginInterest": eight(ZERO),
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


# -- internals ---------------------------------------------------------------------------------


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
