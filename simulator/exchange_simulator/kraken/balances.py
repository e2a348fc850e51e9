"""Balances (documentation: "Get Account Balance", "Get Extended Balance", "Get Trade Balance", "Get
Open Positions")."""

from typing import Any

from exchange_simulator.kraken import names
from exchange_simulator.kraken.answers import UNKNOWN_ASSET, Refused
from exchange_simulator.kraken.call import Call, Result
from exchange_simulator.kraken.numbers import fixed, of_asset, seconds
from exchange_simulator.kraken.symbols import asset_altname, asset_code, asset_id, pair_id
from exchange_simulator.money import ZERO, nearest, plain
from exchange_simulator.records import Position
from exchange_simulator.world import Balance


def balance(call: Call) -> Result:
    """Every asset that was ever held; zero balances stay listed."""
    return {
        asset_code(held.wallet, held.asset): of_asset(held.total, held.asset)
        for held in call.exchange.world.balances(call.now)
    }


def balance_ex(call: Call) -> Result:
    return {
        asset_code(held.wallet, held.asset): {
            "balance": of_asset(held.total, held.asset),
            "hold_trade": of_asset(held.used, held.asset),
        }
        for held in call.exchange.world.balances(call.now)
    }


def trade_balance(call: Call) -> Result:
    """The account's total value in dollars or in `asset`."""
    prices, held = call.exchange.world.prices, _held(call)
    asked = call.text("asset") or "ZUSD"
    unit = next(
        (
            asset
            for asset in ("USD", *(balance.asset for balance in held))
            if asked in (asset_id(asset), asset_altname(asset))
        ),
        None,
    )
    if unit is None:
        raise Refused(UNKNOWN_ASSET)
    dollars = sum((row.total * prices.index(row.asset, call.now) for row in held), ZERO)
    worth, nothing = fixed(dollars / prices.index(unit, call.now), 4), fixed(ZERO, 4)
    return {
        "eb": worth,
        "tb": worth,
        "m": nothing,
        "n": nothing,
        "c": nothing,
        "v": nothing,
        "e": worth,
        "mf": worth,
        "uv": nothing,
    }


def open_positions(call: Call) -> Result:
    """One position per pair, named by an opening fill."""
    world = call.exchange.world
    rows = {
        names.position_id(world, position): _position(call, position)
        for position in world.open_positions(call.now)
    }
    return list(rows.values()) if call.text("consolidation") else rows


def _position(call: Call, position: Position) -> dict[str, Any]:
    market = position.market
    mark = call.exchange.world.prices.mark(market, call.now)
    row = {
        "ordertxid": "OTOQKV-DOUBLE-FILLED",
        "posstatus": "open",
        "pair": pair_id(market),
        "time": seconds(position.opened_at),
        "type": "buy" if position.size > 0 else "sell",
        "ordertype": "limit",
        "cost": fixed(position.basis),
        "fee": fixed(ZERO),
        "vol": fixed(abs(position.size)),
        "vol_closed": fixed(ZERO),
        "margin": fixed(nearest(position.basis / market.leverage)),
        "terms": "0.0200% per 4 hours",
        "rollovertm": str(call.now // 1000 + 3600),
        "misc": "",
        "oflags": "",
    }
    if call.flag("docalcs"):
        row |= {
            "value": plain(mark * abs(position.size)),
            "net": f"{position.profit(mark):+f}",
        }
    return row


def _held(call: Call) -> list[Balance]:
    world = call.exchange.world
    return [row for row in world.balances(call.now) if row.wallet == world.layout.spot_wallet]
