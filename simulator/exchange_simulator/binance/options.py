"""European options (documentation, Options, 2026-08-21: "Option Margin Account Information",
"Account Funding Flow", "Option Position Information"). The limits of the funding flow, and that the
newest rows come first, as in its sample, are those of developers.binance.com/docs/derivatives/
option, undated.

What is bought is paid at once, so that the balance has no part in what it is worth.
"""

from decimal import Decimal
from itertools import islice
from typing import Any

from exchange_simulator.binance.answers import Refused
from exchange_simulator.binance.call import Call, Result
from exchange_simulator.binance.figures import eight
from exchange_simulator.binance.names import parts
from exchange_simulator.binance.retention import THREE_MONTHS
from exchange_simulator.binance.symbols import symbol_of
from exchange_simulator.money import ZERO, plain
from exchange_simulator.records import LedgerEntry, Position, Wallet
from exchange_simulator.world import Balance

OPTION: Wallet = "option"
_CURRENCY = "USDT"
"""The only one that the funding flow supports."""


def margin_account(call: Call) -> Result:
    """`equity` is the balance with the profit of what is held, as in the first sample."""
    held = [balance for balance in call.world.balances(call.now) if balance.wallet == OPTION]
    return {
        "asset": [_asset(call, balance) for balance in held],
        "greek": [
            {"underlying": "BTCUSDT", "delta": "0", "theta": "0", "gamma": "0", "vega": "0"},
        ],
        "time": call.now,
        "canTrade": True,
        "canDeposit": True,
        "canWithdraw": True,
        "reduceOnly": False,
        "tradeGroupId": -1,
    }


def bill(call: Call) -> Result:
    """The newest rows of the window, newest first; served for three months."""
    if call.required("currency") != _CURRENCY:
        raise Refused(-1130, "Data sent for parameter 'currency' is not valid.")
    record, limit = call.integer("recordId") or 0, call.limit(100, 1000)
    start, end = call.integer("startTime") or 0, call.integer("endTime")
    end = call.now if end is None else end
    if start > end:
        raise Refused(-1023, "Start time is greater than end time.")
    ledger = call.world.account.books.ledger[OPTION]
    served = max(start, call.now - THREE_MONTHS)
    rows = (
        row
        for _, entry in call.exchange.newest_first(ledger, served, end, call.now)
        if entry.asset == _CURRENCY
        for row in reversed(_rows(call, entry))
        if row["id"] >= record
    )
    return list(islice(rows, limit))


def positions(call: Call) -> Result:
    """What is held now."""
    asked = call.text("symbol")
    held = [p for asset in ("USDT", "USDC") for p in _positions(call, asset)]
    return [_position(call, p) for p in held if asked in ("", symbol_of(p.market))]


# -- internals ---------------------------------------------------------------------------------


def _asset(call: Call, held: Balance) -> dict[str, Any]:
    profit = sum((_profit(call, position) for position in _positions(call, held.asset)), ZERO)
    equity = held.total + profit
    return {
        "asset": held.asset,
        "marginBalance": eight(held.total),
        "equity": eight(equity),
        "available": eight(min(held.free, max(equity, ZERO))),
        "initialMargin": eight(held.used),
        "maintMargin": eight(ZERO),
        "unrealizedPNL": eight(profit),
        "adjustedEquity": eight(equity),
    }


def _positions(call: Call, asset: str) -> list[Position]:
    return [
        position
        for position in call.world.open_positions(call.now)
        if position.market.kind == "option" and position.market.settle == asset
    ]


def _position(call: Call, held: Position) -> dict[str, Any]:
    market, mark = held.market, call.world.prices.mark(held.market, call.now)
    return {
        "entryPrice": plain(held.entry_price),
        "symbol": symbol_of(market),
        "side": "LONG" if held.size > 0 else "SHORT",
        # negative if it was sold; the value, in the page's sample, is not
        "quantity": plain(held.size),
        "markValue": plain(held.value(mark)),
        "unrealizedPNL": plain(held.profit(mark)),
        "markPrice": plain(mark),
        "strikePrice": plain(market.strike),
        "expiryDate": market.expiry,
        "priceScale": 2,
        "quantityScale": 2,
        "optionSide": "CALL" if market.right == "C" else "PUT",
        "quoteAsset": market.quote,
        "time": held.updated_at,
        "bidQuantity": "0",
        "askQuantity": "0",
    }


def _profit(call: Call, position: Position) -> Decimal:
    return position.profit(call.world.prices.mark(position.market, call.now))


def _rows(call: Call, entry: LedgerEntry) -> list[dict[str, Any]]:
    return [
        {
            "id": int(part.id),
            "asset": entry.asset,
            "amount": eight(part.amount),
            "type": part.kind,
            "createDate": entry.happened_at,
        }
        for part in parts(call.world, entry)
    ]
