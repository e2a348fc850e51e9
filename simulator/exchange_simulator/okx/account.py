"""The trading account (documentation: "Get account configuration", "Get balance", "Get
positions")."""

from decimal import Decimal
from typing import Any

from exchange_simulator.money import ZERO, nearest, plain
from exchange_simulator.okx import names
from exchange_simulator.okx.answers import Refused
from exchange_simulator.okx.call import Call, Data
from exchange_simulator.okx.identity import snowflake
from exchange_simulator.okx.instruments import inst_id, inst_type
from exchange_simulator.records import Position
from exchange_simulator.world import Balance, World

_MAINTENANCE = Decimal("0.005")


def config(call: Call) -> Data:
    key = call.key
    may = ["read_only"]
    may += ["withdraw"] if key.may_withdraw else []
    may += ["trade"] if key.may_trade else []
    return [
        {
            "acctLv": "3",
            "acctStpMode": "cancel_maker",
            "autoLoan": False,
            "ctIsoMode": "automatic",
            "enableSpotBorrow": False,
            "feeType": "0",
            "greeksType": "PA",
            "ip": "" if "*" in key.ips else ",".join(key.ips),
            "kycLv": "3",
            "label": "simulator",
            "level": "Lv1",
            "levelTmp": "",
            "liquidationGear": "-1",
            "mainUid": str(key.uid),
            "mgnIsoMode": "automatic",
            "opAuth": "0",
            "perm": ",".join(may),
            "posMode": "net_mode",
            "roleType": "0",
            "settleCcy": "",
            "settleCcyList": [],
            "spotBorrowAutoRepay": False,
            "spotOffsetType": "",
            "spotRoleType": "0",
            "spotTraderInsts": [],
            "stgyType": "0",
            "traderInsts": [],
            "type": "0",
            "uid": str(key.uid),
        }
    ]


def sub_accounts(call: Call) -> Data:
    """Of the master account, the newest first (documentation: "Get sub-account list"); the error
    that a sub-account's key gets is not documented."""
    if call.key.sub_account:
        raise Refused(50120)
    after, before = call.integer("after"), call.integer("before")
    found = [
        sub
        for sub in reversed(call.exchange.sub_accounts)
        if (after is None or sub.created_at < after) and (before is None or sub.created_at > before)
    ]
    return [
        {
            "canTransOut": False,
            "enable": not sub.frozen,
            "frozenFunc": [],
            "gAuth": False,
            "ifDma": False,
            "label": "",
            "mobile": "",
            "subAcct": sub.name,
            "subAcctLv": "1",
            "ts": str(sub.created_at),
            "type": "1",
            "uid": str(sub.uid),
        }
        for sub in found[: call.limit()]
    ]


def balance(call: Call) -> Data:
    """Currencies with a zero balance are omitted. `cashBal` is the sum of the bills: negative where
    something is owed, which `liab` repeats, and without the margin of isolated positions. `eq` has
    both, and the profit of open positions."""
    world, asked = call.world, call.texts("ccy")
    positions = world.open_positions(call.now)
    details = []
    equity = margin = maintenance = profit = notional = ZERO
    for held in world.balances(call.now):
        if held.wallet != names.TRADING or not (held.total or held.isolated):
            continue
        in_it = [position for position in positions if position.market.settle == held.asset]
        marks = [(p, world.prices.mark(p.market, call.now)) for p in in_it]
        gain = sum((position.profit(mark) for position, mark in marks), ZERO)
        apart = sum((p.profit(mark) for p, mark in marks if is_isolated(world, p)), ZERO)
        value = sum((position.value(mark) for position, mark in marks), ZERO)
        price = world.prices.index(held.asset, call.now)
        worth = held.total + gain
        equity += worth * price
        profit += gain * price
        notional += value * price
        margin += (held.order_margin + held.position_margin) * price
        maintenance += value * _MAINTENANCE * price
        if not asked or held.asset in asked:
            details.append(_detail(held, gain, apart, worth * price, call.now))
    now = str(call.now)
    return [
        {
            "adjEq": plain(nearest(equity)),
            "availEq": plain(nearest(equity - margin)),
            "borrowFroz": "0",
            "delta": "0",
            "deltaLever": "0",
            "deltaNeutralStatus": "0",
            "details": details,
            "imr": plain(nearest(margin)),
            "isoEq": "0",
            "mgnRatio": _ratio(equity, maintenance),
            "mmr": plain(nearest(maintenance)),
            "notionalUsd": plain(nearest(notional)),
            "notionalUsdForBorrow": "0",
            "notionalUsdForFutures": "0",
            "notionalUsdForOption": "0",
            "notionalUsdForSwap": plain(nearest(notional)),
            "ordFroz": "0",
            "totalEq": plain(nearest(equity)),
            "uTime": now,
            "upl": plain(nearest(profit)),
        }
    ]


def positions(call: Call) -> Data:
    """All open positions on one page, the most recently opened first."""
    type, asked = call.inst_type(required=False), call.texts("instId")
    if len(asked) > 10:
        raise Refused(51000, "instId")
    world, ids, asked_for = call.world, call.texts("posId"), call.of_market()
    if type and any(name.endswith("-SWAP") != (type == "SWAP") for name in asked):
        raise Refused(51015)
    found = [
        position
        for position in world.open_positions(call.now)
        if asked_for(position.market) and (not ids or position_id(position) in ids)
    ]
    found.sort(key=lambda position: position.opened_at, reverse=True)
    return [_position(world, position, call.now) for position in found]


def is_isolated(world: World, position: Position) -> bool:
    return position.market.name in world.layout.isolated


def position_id(position: Position) -> str:
    """Stays the same as long as the position is open."""
    return str(snowflake(position.opened_at, sum(position.market.name.encode())))


def _detail(
    held: Balance, gain: Decimal, apart: Decimal, dollars: Decimal, now: int
) -> dict[str, Any]:
    """`gain`: the profit of all positions; `apart`: of the isolated ones."""
    cash, worth = held.total - held.isolated, held.total + gain
    owed = plain(max(-cash, ZERO))
    return {
        "accAvgPx": "",
        "autoLendMtAmt": "0",
        "autoLendStatus": "off",
        "availBal": plain(held.free),
        "availEq": plain(worth - held.used),
        "borrowFroz": "0",
        "cashBal": plain(cash),
        "ccy": held.asset,
        "clSpotInUseAmt": "",
        "colBorrAutoConversion": "0",
        "colRes": "0",
        "collateralEnabled": True,
        "collateralRestrict": False,
        "crossLiab": owed,
        "disEq": plain(nearest(dollars)),
        "eq": plain(worth),
        "eqUsd": plain(nearest(dollars)),
        "fixedBal": "0",
        "frozenBal": plain(worth - held.free),
        "frpType": "0",
        "imr": "",
        "interest": "0",
        "isoEq": plain(held.isolated + apart),
        "isoLiab": "0",
        "isoUpl": plain(apart),
        "liab": owed,
        "maxLoan": "0",
        "maxSpotInUse": "",
        "mgnRatio": "",
        "mmr": "",
        "notionalLever": "",
        "openAvgPx": "",
        "ordFrozen": plain(held.locked + held.order_margin),
        "rewardBal": "0",
        "smtSyncEq": "0",
        "spotBal": "",
        "spotCopyTradingEq": "0",
        "spotInUseAmt": "",
        "spotIsoBal": "0",
        "spotUpl": "",
        "spotUplRatio": "",
        "stgyEq": "0",
        "totalPnl": "",
        "totalPnlRatio": "",
        "twap": "0",
        "uTime": str(now),
        "upl": plain(gain),
        "uplLiab": "0",
    }


def _position(world: World, position: Position, now: int) -> dict[str, Any]:
    market = position.market
    mark, last = world.prices.mark(market, now), world.prices.last(market, now)
    index = world.prices.index(market.base, now)
    settled = world.prices.index(market.settle, now)
    margin = world.position_margin(position, now)
    liquidation = world.liquidation_price(position)
    value, profit = position.value(mark), position.profit(mark)
    isolated = is_isolated(world, position)
    wallet = world.layout.wallet_of[market.kind]
    blank = (
        "availPos",
        "baseBal",
        "baseBorrowed",
        "baseInterest",
        "bizRefId",
        "bizRefType",
        "clSpotInUseAmt",
        "deltaBS",
        "deltaPA",
        "fee",
        "fundingFee",
        "gammaBS",
        "gammaPA",
        "hedgedPos",
        "liab",
        "liabCcy",
        "maxSpotInUseAmt",
        "nonSettleAvgPx",
        "optVal",
        "pendingCloseOrdLiabVal",
        "pnl",
        "posCcy",
        "quoteBal",
        "quoteBorrowed",
        "quoteInterest",
        "settledPnl",
        "spotInUseAmt",
        "spotInUseCcy",
        "thetaBS",
        "thetaPA",
        "vegaBS",
        "vegaPA",
    )
    return {
        **dict.fromkeys(blank, ""),
        "adl": "1",
        "avgPx": plain(position.entry_price),
        "bePx": plain(position.entry_price),
        "cTime": str(position.opened_at),
        "ccy": market.settle,
        "closeOrderAlgo": [],
        "idxPx": plain(index),
        "imr": "" if isolated else plain(margin),
        "instId": inst_id(market),
        "instType": inst_type(market),
        "interest": "",
        "last": plain(last),
        "lever": plain(market.leverage),
        "liqPenalty": "0",
        "liqPx": "" if liquidation is None else plain(liquidation),
        "margin": plain(world.account.books.isolated(wallet, market.settle, now))
        if isolated
        else "",
        "markPx": plain(mark),
        "mgnMode": "isolated" if isolated else "cross",
        "mgnRatio": _ratio(margin, value * _MAINTENANCE),
        "mmr": plain(nearest(value * _MAINTENANCE)),
        "notionalUsd": plain(nearest(value * settled)),
        "pos": plain(names.contracts(market, position.size)),
        "posId": position_id(position),
        "posSide": "net",
        "realizedPnl": plain(position.realised),
        "tradeId": _last_trade(world, position),
        "uTime": str(position.updated_at),
        "upl": plain(profit),
        "uplLastPx": plain(position.profit(last)),
        "uplRatio": _ratio(profit, margin),
        "uplRatioLastPx": _ratio(position.profit(last), margin),
        "usdPx": plain(settled),
    }


def _last_trade(world: World, position: Position) -> str:
    fill = world.account.fills_of[position.market.name].latest(position.updated_at)
    return names.match_id(world, fill) if fill else ""


def _ratio(part: Decimal, whole: Decimal) -> str:
    return plain(nearest(part / whole)) if whole else ""
