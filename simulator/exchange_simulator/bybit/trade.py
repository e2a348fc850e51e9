"""Orders and executions (documentation: "Get Open & Closed Orders", "Get Order History", "Get Trade
History")."""

from collections.abc import Callable
from typing import Any

from exchange_simulator.bybit.answers import Refused
from exchange_simulator.bybit.call import Call, Result
from exchange_simulator.bybit.names import execution_id
from exchange_simulator.bybit.retention import RETENTION
from exchange_simulator.bybit.symbols import symbol_of
from exchange_simulator.markets import Kind, Market
from exchange_simulator.money import ZERO, nearest, plain
from exchange_simulator.records import Fill, Funding, Order
from exchange_simulator.retention import is_expired
from exchange_simulator.world import World

_RECENT = 500
_EXECUTION_TYPES = {
    "trade": "Trade",
    "liquidation": "BustTrade",
    "adl": "AdlTrade",
    "settlement": "Delivery",
}
_CREATE_TYPES = {
    "trade": "CreateByUser",
    "liquidation": "CreateByTakeOver_PassThrough",
    "adl": "CreateByAdl_PassThrough",
    "settlement": "CreateBySettle",
}


def order_realtime(call: Call) -> Result:
    category = call.category()
    if category == "linear" and not any(
        call.text(name) for name in ("symbol", "baseCoin", "settleCoin", "orderId", "orderLinkId")
    ):
        raise Refused(10001, "params error: symbol, baseCoin or settleCoin is required")
    world, now = call.exchange.world, call.now
    open_only = call.integer("openOnly") or 0
    if open_only not in (0, 1, 2):
        raise Refused(10001, "params error: openOnly is invalid")
    orders = world.open_orders(now)
    by_id = bool(call.text("orderId") or call.text("orderLinkId"))
    if open_only or by_id:
        ended = world.account.ended
        stop = ended.until(now)
        recent = ended.rows[max(stop - _RECENT, 0) : stop]
        orders = [*orders, *recent] if by_id else recent
    keep = wanted_orders(call, category)
    found = sorted(filter(keep, orders), key=lambda order: -order.number)
    page, cursor = call.page([(order.number, order) for order in found], call.limit(20, 50))
    return {
        "list": [order_row(order, now) for order in page],
        "nextPageCursor": cursor,
        "category": category,
    }


def order_history(call: Call) -> Result:
    """Ended orders only: an open order is never in the history, however old it is."""
    category = call.category()
    by_id = bool(call.text("orderId") or call.text("orderLinkId"))
    account, now = call.exchange.world.account, call.now
    orders = account.orders_of[category]
    window = (0, now) if by_id else call.window()
    wanted, status = wanted_orders(call, category), call.text("orderStatus")

    def keep(order: Order) -> bool:
        return (
            order.created_at >= call.exchange.world.upgraded_at
            and call.exchange.visible(account.ended, order, now)
            and wanted(order)
            and not is_expired(RETENTION, order, now)
            and (not status or _status(order, now) == status)
        )

    page, cursor = call.newest_first(orders, window, call.limit(20, 50), keep)
    return {
        "list": [order_row(order, now) for order in page],
        "nextPageCursor": cursor,
        "category": category,
    }


def execution_list(call: Call) -> Result:
    category = call.category()
    order_id, link = call.text("orderId"), call.text("orderLinkId")
    symbol, base, settle = call.text("symbol"), call.text("baseCoin"), call.text("settleCoin")
    kind = call.text("execType")
    world = call.exchange.world
    executions = world.account.executions[category]
    if category == "option" and not symbol and not settle:
        base = base or "BTC"
    by_id = bool(order_id or link)
    window = (0, call.now) if by_id else call.window()

    def keep(row: Fill | Funding) -> bool:
        if by_id:
            # orderId takes precedence over all other filters
            return isinstance(row, Fill) and (
                row.order.order_id == order_id if order_id else row.order.client_order_id == link
            )
        market = market_of(row)
        return (
            row.happened_at >= world.upgraded_at
            and (not symbol or symbol_of(market) == symbol)
            and (bool(symbol) or not base or market.base == base)
            and (not settle or market.settle == settle)
            and (not kind or execution_type(row) == kind)
        )

    page, cursor = call.newest_first(executions, window, call.limit(50, 100), keep)
    return {
        "nextPageCursor": cursor,
        "category": category,
        "list": [execution_row(world, row) for row in page],
    }


def execution_row(world: World, row: Fill | Funding) -> dict[str, Any]:
    return _funding(world, row) if isinstance(row, Funding) else _fill(world, row)


def market_of(row: Fill | Funding) -> Market:
    return row.market if isinstance(row, Funding) else row.order.market


def execution_type(row: Fill | Funding) -> str:
    return "Funding" if isinstance(row, Funding) else _EXECUTION_TYPES[row.kind]


def wanted_orders(call: Call, category: Kind) -> Callable[[Order], bool]:
    """Bybit filters by orderId, else orderLinkId, else symbol, else the coins."""
    order_id, link = call.text("orderId"), call.text("orderLinkId")
    symbol, base, settle = call.text("symbol"), call.text("baseCoin"), call.text("settleCoin")
    conditional = call.text("orderFilter") not in ("", "Order")

    def wanted(order: Order) -> bool:
        market = order.market
        if market.kind != category or conditional:
            return False
        if order_id:
            return order.order_id == order_id
        if link:
            return order.client_order_id == link
        if symbol:
            return symbol_of(market) == symbol
        return (not base or market.base == base) and (not settle or market.settle == settle)

    return wanted


def _status(order: Order, now: int) -> str:
    state = order.at(now)
    match state.status:
        case "open":
            return "PartiallyFilled" if state.filled else "New"
        case "closed":
            return "Filled"
        case "rejected":
            return "Rejected"
    # spot has a separate status for canceled orders with fills; derivatives do not
    spot = order.market.kind == "spot"
    return "PartiallyFilledCanceled" if state.filled and spot else "Cancelled"


def order_row(order: Order, now: int) -> dict[str, Any]:
    market, state = order.market, order.at(now)
    status = _status(order, now)
    left = order.amount - state.filled if state.status == "open" else ZERO
    spot = market.kind == "spot"
    average = order.average(state)
    taking = order.type == "market"
    row: dict[str, Any] = {
        "orderId": order.order_id,
        "orderLinkId": order.client_order_id,
        "blockTradeId": "",
        "symbol": symbol_of(market),
        "price": "0" if taking and spot else plain(order.limit),
        "qty": plain(order.amount),
        "side": order.side.capitalize(),
        "isLeverage": "0" if spot else "",
        "positionIdx": 0,
        "orderStatus": status,
        "cancelType": "CancelByUser" if state.status == "canceled" else "UNKNOWN",
        "rejectReason": "EC_PostOnlyWillTakeLiquidity"
        if status == "Rejected"
        else "EC_PerCancelRequest"
        if state.status == "canceled"
        else "EC_NoError",
        "avgPrice": "" if average is None else plain(average),
        "leavesQty": plain(left),
        "leavesValue": plain(nearest(left * order.limit)),
        "cumExecQty": plain(state.filled),
        "cumExecValue": plain(state.cost),
        "cumExecFee": plain(sum(state.fees.values(), ZERO)),
        "cumFeeDetail": {coin: plain(fee) for coin, fee in state.fees.items()},
        "timeInForce": "IOC" if taking else "PostOnly" if order.post_only else "GTC",
        "orderType": order.type.capitalize(),
        "stopOrderType": "",
        "orderIv": "",
        "marketUnit": "baseCoin" if taking and spot else "",
        "triggerPrice": "",
        "takeProfit": "",
        "stopLoss": "",
        "tpLimitPrice": "",
        "slLimitPrice": "",
        "tpTriggerBy": "",
        "slTriggerBy": "",
        "triggerDirection": 0,
        "triggerBy": "",
        "lastPriceOnCreated": plain(order.last_price),
        "reduceOnly": order.reduce_only,
        "closeOnTrigger": False,
        "placeType": "price" if market.kind == "option" else "",
        "smpType": "None",
        "smpGroup": 0,
        "smpOrderId": "",
        "slippageToleranceType": "UNKNOWN",
        "slippageTolerance": "",
        "extraFees": "",
        "createdTime": str(order.created_at),
        "updatedTime": str(state.updated_at),
    }
    if spot:
        row["ocoTriggerBy"] = ""
    else:
        # clients distinguish spot from derivatives by these keys, which spot does not have
        row["tpslMode"] = ""
        if market.kind != "option":
            row["createType"] = _CREATE_TYPES[order.cause]
    return row


def _fill(world: World, fill: Fill) -> dict[str, Any]:
    order, market = fill.order, fill.order.market
    taking = order.type == "market"
    row: dict[str, Any] = {
        "symbol": symbol_of(market),
        "orderType": order.type.capitalize(),
        "underlyingPrice": "",
        "orderLinkId": order.client_order_id,
        "side": order.side.capitalize(),
        "indexPrice": "",
        "orderId": order.order_id,
        "stopOrderType": "UNKNOWN",
        "leavesQty": plain(fill.leaves),
        "execTime": str(fill.happened_at),
        "feeCurrency": fill.fee_currency,
        "isMaker": fill.maker,
        "execFee": plain(fill.fee),
        "execFeeV2": "",
        "feeRate": plain(fill.fee_rate),
        "execId": execution_id(world, fill),
        "tradeIv": "",
        "blockTradeId": "",
        "markPrice": plain(world.prices.mark(market, fill.happened_at)),
        "execPrice": plain(fill.price),
        "markIv": "",
        "orderQty": plain(order.amount),
        "orderPrice": "0" if taking and market.kind == "spot" else plain(order.limit),
        "execValue": plain(fill.cost),
        "execType": _EXECUTION_TYPES[fill.kind],
        "execQty": plain(fill.amount),
        "closedSize": "" if market.kind == "spot" else plain(fill.closed),
        "extraFees": "",
        "seq": fill.happened_at * 10,
    }
    if market.kind == "option":
        spot = plain(world.prices.index(market.base, fill.happened_at))
        row |= {"indexPrice": spot, "underlyingPrice": spot, "tradeIv": "0.6", "markIv": "0.6"}
    elif market.kind != "spot":
        row["createType"] = _CREATE_TYPES[fill.kind]
    return row


def _funding(world: World, funding: Funding) -> dict[str, Any]:
    """A funding payment as an execution; a positive fee means paid."""
    long = funding.size > 0
    name = execution_id(world, funding)
    return {
        "symbol": symbol_of(funding.market),
        "orderType": "UNKNOWN",
        "underlyingPrice": "",
        "orderLinkId": "",
        "side": "Buy" if long else "Sell",
        "indexPrice": "",
        "orderId": name[::-1].replace("-", "")[:32],
        "stopOrderType": "UNKNOWN",
        "leavesQty": "0",
        "execTime": str(funding.happened_at),
        "feeCurrency": "",
        "isMaker": False,
        "execFee": plain(-funding.amount),
        "execFeeV2": "",
        "feeRate": plain(funding.rate if long else -funding.rate),
        "execId": name,
        "tradeIv": "",
        "blockTradeId": "",
        "markPrice": plain(funding.price),
        "execPrice": plain(funding.price),
        "markIv": "",
        "orderQty": "0",
        "orderPrice": "0",
        "execValue": plain(funding.value),
        "execType": "Funding",
        "execQty": plain(abs(funding.size)),
        "closedSize": "0",
        "extraFees": "",
        "seq": funding.happened_at * 10,
        "createType": "",
    }
