"""European options (documentation, Options, 2026-08-21: "Option Margin Account Information",
"Account Funding Flow"). The limits of the latter, and that the newest rows come first, as in its
sample, are those of developers.binance.com/docs/derivatives/option, undated.

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
from exchange_simulator.money import ZERO
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
