"""What happened before the account became a unified account (documentation: "Get Pre-upgrade Trade
History", "Get Pre-upgrade Order History"): the same rows with fewer fields. An account that never
was a classic account has none."""

from typing import Any

from exchange_simulator.bybit.call import Call, Result
from exchange_simulator.bybit.retention import RETENTION, SIX_MONTHS
from exchange_simulator.bybit.symbols import symbol_of
from exchange_simulator.bybit.trade import (
    execution_row,
    execution_type,
    market_of,
    order_row,
    wanted_orders,
)
from exchange_simulator.markets import DAY, Market
from exchange_simulator.money import ZERO
from exchange_simulator.records import Fill, Funding, Order
from exchange_simulator.retention import is_expired

_LATER_FILL_FIELDS = ("createType", "execFeeV2", "feeCurrency", "extraFees", "seq")
_LATER_ORDER_FIELDS = (
    "createType",
    "marketUnit",
    "slippageToleranceType",
    "slippageTolerance",
    "tpslMode",
    "ocoTriggerBy",
    "tpLimitPrice",
    "slLimitPrice",
    "extraFees",
    "cumFeeDetail",
)
_UNFILLED_KEPT = 7 * DAY


def execution_list(call: Call) -> Result:
    category = call.category()
    symbol, base, kind = call.text("symbol"), call.text("baseCoin"), call.text("execType")
    world = call.exchange.world

    def keep(row: Fill | Funding) -> bool:
        market = market_of(row)
        return (
            row.happened_at < world.upgraded_at
            and _served(call, market, row.happened_at)
            and (not symbol or symbol_of(market) == symbol)
            and (not base or market.base == base)
            and (not kind or execution_type(row) == kind)
        )

    executions = world.account.executions[category]
    page, cursor = call.newest_first(executions, call.window(), call.limit(50, 100), keep)
    return {
        "list": [_without(execution_row(world, row), _LATER_FILL_FIELDS) for row in page],
        "nextPageCursor": cursor,
        "category": category,
    }


def order_history(call: Call) -> Result:
    """Without a symbol, only contracts settled in USDT are listed of the linear ones."""
    category = call.category()
    world, now = call.exchange.world, call.now
    wanted = wanted_orders(call, category)

    def keep(order: Order) -> bool:
        usdc = category == "linear" and order.market.settle != "USDT"
        state = order.at(now)
        return (
            order.created_at < world.upgraded_at
            and state.status != "open"
            and wanted(order)
            and (not usdc or bool(call.text("symbol")))
            and _served(call, order.market, order.created_at)
            and not is_expired(RETENTION | {"unfilled": _UNFILLED_KEPT}, order, now)
        )

    orders = world.account.orders_of[category]
    page, cursor = call.newest_first(orders, call.window(), call.limit(20, 50), keep)
    rows = []
    for order in page:
        row = _without(order_row(order, now), _LATER_ORDER_FIELDS)
        if order.at(now).status == "canceled" and order.at(now).filled > ZERO:
            row["avgPrice"] = ""
        rows.append(row)
    return {"list": rows, "nextPageCursor": cursor, "category": category}


def _served(call: Call, market: Market, happened_at: int) -> bool:
    """Of USDC contracts and options only the last six months."""
    recent = market.kind == "option" or market.settle == "USDC"
    return not recent or happened_at >= call.now - SIX_MONTHS


def _without(row: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in names}
