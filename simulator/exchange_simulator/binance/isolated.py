"""Isolated margin (documentation, Margin, 2026-08-21: "Query Isolated Margin Account Info", "Get
All Isolated Margin Symbol", "Get Cross Margin Transfer History", which with `isolatedSymbol` is
that of a pair). Without pairs, all answers are empty."""

from typing import Any

from exchange_simulator.binance.call import Call, Result
from exchange_simulator.binance.figures import eight
from exchange_simulator.binance.names import transaction_id
from exchange_simulator.binance.pages import wallet_window
from exchange_simulator.binance.symbols import symbol_of
from exchange_simulator.isolated import ISOLATED
from exchange_simulator.markets import DAY, WEEK, Market
from exchange_simulator.money import ZERO, plain
from exchange_simulator.records import Order, Transfer

_MONTH = 30 * DAY
_NAMES = {
    "spot": "SPOT",
    "margin": "CROSS_MARGIN",
    "isolated": "ISOLATED_MARGIN",
    "funding": "FUNDING",
}


def account(call: Call) -> Result:
    """All pairs that were ever opened; `symbols` names those that are asked for."""
    asked = {name for name in call.text("symbols").split(",") if name}
    bitcoin = call.world.prices.index("BTC", call.now)
    sides = [
        (market, [_side(call, market, asset, bitcoin) for asset in (market.base, market.quote)])
        for market in _pairs(call)
        if not asked or symbol_of(market) in asked
    ]
    total, owed = ZERO, ZERO
    for market, _ in sides:
        for asset in (market.base, market.quote):
            price = call.world.prices.index(asset, call.now) / bitcoin
            total += call.world.isolated.held(market.name, call.now)[asset] * price
            owed += call.world.isolated.owed(market.name, asset, call.now) * price
    return {
        "assets": [
            {
                "baseAsset": base,
                "quoteAsset": quote,
                "symbol": symbol_of(market),
                "isolatedCreated": True,
                "enabled": True,
                "marginLevel": "999.00000000",
                "marginLevelStatus": "EXCESSIVE",
                "marginRatio": "5.00000000",
                "indexPrice": eight(call.world.prices.index(market.base, call.now)),
                "liquidatePrice": "0.00000000",
                "liquidateRate": "0.00000000",
                "tradeEnabled": True,
            }
            for market, (base, quote) in sides
        ],
        "totalAssetOfBtc": eight(total),
        "totalLiabilityOfBtc": eight(owed),
        "totalNetAssetOfBtc": eight(total - owed),
    }


def all_pairs(call: Call) -> Result:
    call.text("symbol")
    return [
        {
            "symbol": symbol_of(market),
            "base": market.base,
            "quote": market.quote,
            "isMarginTrade": True,
            "isBuyAllowed": True,
            "isSellAllowed": True,
        }
        for market in _pairs(call)
    ]


def transfers(call: Call) -> Result:
    """Those of one pair, newest first, in windows of at most 30 days. The sample's times have ten
    digits: they are in seconds. Cross margin's own are not simulated."""
    symbol, kind, asset = call.text("isolatedSymbol"), call.text("type"), call.text("asset")
    if call.integer("startTime") is None and call.integer("endTime") is None:
        first, last = call.now - WEEK, call.now
    else:
        first, last = wallet_window(call, _MONTH)
    current, size = call.integer("current") or 1, call.limit(10, 100, "size")
    timeline = call.world.account.transfers
    pairs = {market.name: symbol_of(market) for market in _pairs(call)}
    rows = []
    for _, transfer in call.exchange.newest_first(timeline, first, last, call.now):
        ends = call.world.isolated.ends.get(transfer.number, ("", ""))
        symbols = [pairs.get(pair, "") for pair in ends]
        if symbol and symbol in symbols and asset in ("", transfer.asset):
            rows.append(_transfer_row(call, transfer, symbol, symbols))
    rows = [row for row in rows if kind in ("", row["type"])]
    return {"rows": rows[(current - 1) * size : current * size], "total": len(rows)}


def _transfer_row(
    call: Call, transfer: Transfer, symbol: str, symbols: list[str]
) -> dict[str, Any]:
    leaves, enters = symbols
    row = {
        "amount": plain(transfer.amount),
        "asset": transfer.asset,
        "status": "CONFIRMED",
        "timestamp": transfer.happened_at // 1000,
        "txId": transaction_id(call.world, transfer),
        "type": "ROLL_IN" if enters == symbol else "ROLL_OUT",
        "transFrom": _NAMES[transfer.from_wallet],
        "transTo": _NAMES[transfer.to_wallet],
    }
    named = {"fromSymbol": leaves, "toSymbol": enters}
    return row | {name: value for name, value in named.items() if value}


def _pairs(call: Call) -> list[Market]:
    return [call.world.catalogue.by_name[name] for name in call.world.isolated.pairs]


def _side(call: Call, market: Market, asset: str, bitcoin: Any) -> dict[str, Any]:
    world, pair = call.world, market.name
    held, owed = (
        world.isolated.held(pair, call.now)[asset],
        world.isolated.owed(pair, asset, call.now),
    )
    locked = sum(
        (
            _locked(order, call.now)
            for order in world.open_orders(call.now)
            if order.wallet == ISOLATED and order.market is market and _spends(order) == asset
        ),
        ZERO,
    )
    worth = (held - owed) * world.prices.index(asset, call.now) / bitcoin
    return {
        "asset": asset,
        "borrowEnabled": True,
        "borrowed": eight(owed),
        "free": eight(held - locked),
        "interest": eight(ZERO),
        "locked": eight(locked),
        "netAsset": eight(held - owed),
        "netAssetOfBtc": eight(worth),
        "repayEnabled": True,
        "totalAsset": eight(held),
    }


def _spends(order: Order) -> str:
    return order.market.quote if order.side == "buy" else order.market.base


def _locked(order: Order, at: int) -> Any:
    left = order.amount - order.at(at).filled
    return left * order.limit if order.side == "buy" else left
