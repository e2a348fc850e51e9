"""Orders and fills (documentation: "Order details", "Order List", "Order history (last 7 days)",
"Order history (last 3 months)", "Transaction details (last 3 days)", "Transaction details (last 3
months)")."""

from collections.abc import Callable
from decimal import Decimal
from itertools import islice
from typing import Any

from exchange_simulator.markets import DAY, HOUR
from exchange_simulator.money import ZERO, plain
from exchange_simulator.okx import names
from exchange_simulator.okx.answers import Refused
from exchange_simulator.okx.bills import ARCHIVED, exec_type, fill_subtype, margin_mode
from exchange_simulator.okx.call import Call, Data
from exchange_simulator.okx.identity import moment, snowflake
from exchange_simulator.okx.instruments import inst_id, inst_type
from exchange_simulator.okx.pages import by_id
from exchange_simulator.records import Fill, LedgerEntry, Order
from exchange_simulator.world import World

UNFILLED_RETENTION = 2 * HOUR
"""Orders canceled without a fill are served for two hours."""
_RECENT_ORDERS = 7 * DAY
_RECENT_FILLS = 3 * DAY
_STATES = {"closed": "filled", "canceled": "canceled", "rejected": "canceled"}
_CATEGORIES = {"trade": "normal", "liquidation": "full_liquidation", "adl": "adl"}
_CANCELLED_BY = {
    "canceled": ("1", "Order canceled by user"),
    "rejected": ("31", "The post-only order will take liquidity in maker orders"),
}


def order(call: Call) -> Data:
    """One order by id; if two share a client order id, the last one."""
    market = call.required("instId")
    asked, link = call.integer("ordId"), call.text("clOrdId")
    if asked is None and not link:
        raise Refused(51003)
    world, orders = call.world, call.world.account.orders

    def is_it(order: Order) -> bool:
        if inst_id(order.market) != market or _expired(call, order, ARCHIVED, UNFILLED_RETENTION):
            return False
        return _number(order) == asked if asked is not None else order.client_order_id == link

    first, last = (0, call.now) if asked is None else (moment(asked), moment(asked))
    rows = call.exchange.newest_first(orders, first, last, call.now)
    found = next((order for _, order in rows if is_it(order)), None)
    if found is None:
        raise Refused(51603)
    return [_order(world, found, call.now)]


def orders_pending(call: Call) -> Data:
    after, before = call.integer("after"), call.integer("before")
    wanted = _wanted(call)
    resting = (
        order
        for order in reversed(call.world.open_orders(call.now))
        if wanted(order)
        and (after is None or _number(order) < after)
        and (before is None or _number(order) > before)
    )
    return [_order(call.world, order, call.now) for order in islice(resting, call.limit())]


def orders_history(call: Call) -> Data:
    return _history(call, _RECENT_ORDERS, UNFILLED_RETENTION)


def orders_history_archive(call: Call) -> Data:
    """Without the orders that were canceled without a fill."""
    return _history(call, ARCHIVED, None)


def fills(call: Call) -> Data:
    return _fills(call, _RECENT_FILLS)


def fills_history(call: Call) -> Data:
    call.inst_type(required=True)
    return _fills(call, ARCHIVED)


def _history(call: Call, retention: int, unfilled: int | None) -> Data:
    """Ended orders by when they were placed; served for `retention` after their end, those without
    a fill for `unfilled` (None: never)."""
    call.inst_type(required=True)
    world, oldest = call.world, call.now - retention
    orders, wanted = world.account.orders, _wanted(call)
    # orders that ended since then were either placed since then or open at that time
    first = min((order.created_at for order in world.open_orders(oldest)), default=oldest)

    def keep(order: Order) -> bool:
        return (
            wanted(order)
            and call.exchange.visible(world.account.ended, order, call.now)
            and not _expired(call, order, retention, unfilled)
        )

    rows = by_id(call, orders, _number, keep, since=min(first, oldest))
    return [_order(world, order, call.now) for order in rows]


def _expired(call: Call, order: Order, retention: int, unfilled: int | None) -> bool:
    if order.ended_at is None or order.ended_at > call.now:
        return False
    kept = retention if order.at(call.now).filled else unfilled
    return kept is None or order.ended_at < call.now - kept


def _number(order: Order) -> int:
    return snowflake(order.created_at, order.number)


def _wanted(call: Call) -> Callable[[Order], bool]:
    types, state, category = call.texts("ordType"), call.text("state"), call.text("category")
    asked_for = call.of_market()

    def wanted(order: Order) -> bool:
        return (
            asked_for(order.market)
            and (not types or _order_type(order) in types)
            and (not state or _state(order, call.now) == state)
            and (not category or _CATEGORIES[order.cause] == category)
        )

    return wanted


def _order_type(order: Order) -> str:
    return "post_only" if order.post_only else order.type


def _state(order: Order, now: int) -> str:
    state = order.at(now)
    if state.status == "open":
        return "partially_filled" if state.filled else "live"
    return _STATES[state.status]


def _order(world: World, order: Order, now: int) -> dict[str, Any]:
    market, state = order.market, order.at(now)
    spot, taking = market.kind == "spot", order.type == "market"
    average = order.average(state)
    done = [fill for fill in order.fills if fill.happened_at <= now]
    last = done[-1] if done else None
    source, reason = _CANCELLED_BY.get(state.status, ("", ""))
    paid, paid_in, rebate, rebate_in = _fees(order, state.fees)
    blank = (
        "algoClOrdId",
        "algoId",
        "attachAlgoClOrdId",
        "ccy",
        "pxType",
        "pxUsd",
        "pxVol",
        "quickMgnType",
        "slOrdPx",
        "slTriggerPx",
        "slTriggerPxType",
        "source",
        "stpId",
        "tag",
        "tpOrdPx",
        "tpTriggerPx",
        "tpTriggerPxType",
    )
    return {
        **dict.fromkeys(blank, ""),
        "accFillSz": plain(names.contracts(market, state.filled)),
        "attachAlgoOrds": [],
        "avgPx": "" if average is None else plain(average),
        "cTime": str(order.created_at),
        "cancelSource": source,
        "cancelSourceReason": reason,
        "category": _CATEGORIES[order.cause],
        "clOrdId": order.client_order_id,
        "fee": plain(-paid),
        "feeCcy": paid_in,
        "fillPx": plain(last.price) if last else "",
        "fillSz": plain(names.contracts(market, last.amount)) if last else "0",
        "fillTime": str(last.happened_at) if last else "",
        "instId": inst_id(market),
        "instType": inst_type(market),
        "isTpLimit": "false",
        "lever": "" if spot else plain(market.leverage),
        "linkedAlgoOrd": {"algoId": ""},
        "ordId": names.order_id(world, order),
        "ordType": _order_type(order),
        "pnl": plain(sum((fill.profit for fill in done), ZERO)),
        "posSide": "net",
        "px": "" if taking else plain(order.limit),
        "rebate": plain(rebate),
        "rebateCcy": rebate_in,
        "reduceOnly": "true" if order.reduce_only else "false",
        "side": order.side,
        "state": _state(order, now),
        "stpMode": "cancel_maker",
        "sz": plain(names.contracts(market, order.amount)),
        "tdMode": margin_mode(world, market),
        "tgtCcy": "base_ccy" if spot and taking else "",
        "tradeId": names.match_id(world, last) if last else "",
        "tradeQuoteCcy": market.quote if spot else "",
        "uTime": str(state.updated_at),
    }


def _fees(order: Order, fees: dict[str, Decimal]) -> tuple[Decimal, str, Decimal, str]:
    """Fee paid and its currency, rebate received and its currency."""
    market = order.market
    received, given = (
        (market.settle, market.settle)
        if market.settle
        else (market.base, market.quote)
        if order.side == "buy"
        else (market.quote, market.base)
    )
    paid = sum((fee for fee in fees.values() if fee > 0), ZERO)
    rebate = -sum((fee for fee in fees.values() if fee < 0), ZERO)
    return paid, received, rebate, given


def _fills(call: Call, retention: int) -> Data:
    world, asked_for = call.world, call.of_market()
    asked, subtype = call.text("ordId"), call.text("subType")

    def keep(entry: LedgerEntry) -> bool:
        fill = entry.source
        if not isinstance(fill, Fill):
            return False
        market = fill.order.market
        return (
            # a spot fill's second bill is in the quote currency
            entry.asset == (market.settle or market.base)
            and asked_for(market)
            and (not asked or names.order_id(world, fill.order) == asked)
            and (not subtype or fill_subtype(fill) == subtype)
        )

    ledger = world.account.books.ledger[names.TRADING]
    entries = by_id(call, ledger, names.bill_number, keep, since=call.now - retention)
    return [_fill(world, entry) for entry in entries]


def _fill(world: World, entry: LedgerEntry) -> dict[str, Any]:
    fill = entry.source
    assert isinstance(fill, Fill)
    order, market = fill.order, fill.order.market
    spot = market.kind == "spot"
    return {
        "billId": names.entry_id(world, entry),
        "clOrdId": order.client_order_id,
        "execType": exec_type(fill),
        "fee": plain(-fill.fee),
        "feeCcy": fill.fee_currency,
        "feeRate": plain(-fill.fee_rate) if spot else "",
        "fillFwdPx": "",
        "fillIdxPx": plain(world.prices.index(market.base, fill.happened_at)),
        "fillMarkPx": "" if spot else plain(world.prices.mark(market, fill.happened_at)),
        "fillMarkVol": "",
        "fillPnl": plain(fill.profit),
        "fillPx": plain(fill.price),
        "fillPxUsd": "",
        "fillPxVol": "",
        "fillSz": plain(names.contracts(market, fill.amount)),
        "fillTime": str(fill.happened_at),
        "instId": inst_id(market),
        "instType": inst_type(market),
        "ordId": names.order_id(world, order),
        "posSide": "net",
        "side": order.side,
        "subType": fill_subtype(fill),
        "tag": "",
        "tradeId": names.match_id(world, fill),
        "tradeQuoteCcy": market.quote if spot else "",
        "ts": str(fill.happened_at),
    }
