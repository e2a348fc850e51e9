"""Bybit's fills, orders, positions and funding payments.

"Different Account Modes" (2026-01-05): after the upgrade of an account, only fills and orders of
later times are in the usual lists. The earlier ones have lists of their own, "Get Pre-upgrade Trade
History" and "Get Pre-upgrade Order History", which are empty for accounts that never were classic.
The page does not say when an account was upgraded. So each list is a stream that proves its own
rows for the whole time, and a time is complete once it is complete in both.
"""

import json
from dataclasses import replace
from decimal import Decimal
from typing import Any

from alphapulse_pipeline.datasets.values import Row, number
from alphapulse_pipeline.exchange.documented import SIX_MONTHS, Documented
from alphapulse_pipeline.exchange.feed import Feed, Raw, milliseconds
from alphapulse_pipeline.exchange.new_values import meaning
from alphapulse_pipeline.exchange.venues.bybit.common import (
    CATEGORIES,
    IN_ANY_ORDER,
    LIST,
    NEWEST_FIRST,
    TWO_YEARS,
    UNIFIED,
    WEEK,
    WINDOW,
    page,
    scopes,
)
from alphapulse_pipeline.exchange.venues.venue import Amend, Source
from alphapulse_pipeline.exchange.walker import Cursor

CONTRACTS = ("linear", "inverse", "option")
FUNDED = ("linear", "inverse")

# execType -> kind. Funding payments are in the same feed and are not fills.
_KINDS = {
    "Trade": "trade",
    "BlockTrade": "trade",
    "MovePosition": "trade",
    "FutureSpread": "trade",
    "BustTrade": "liquidation",
    "AdlTrade": "adl",
    "Delivery": "settlement",
    "Settle": "settlement",
    "CorporateAction": "adjustment",
    "UNKNOWN": "trade",  # of classic accounts
}
_NOT_FILLS = {"Funding", "SessionSettlePnL"}
# Partially filled, then canceled: ccxt says closed on spot and canceled on derivatives.
_STATUSES = {
    "New": "open",
    "PartiallyFilled": "open",
    "Untriggered": "open",
    "Triggered": "open",
    "Filled": "closed",
    "PartiallyFilledCanceled": "canceled",
    "Cancelled": "canceled",
    "Deactivated": "canceled",
    "Rejected": "rejected",
}
# Required fields: stored columns are read from them.
_FILL_BEFORE_UPGRADE_FIELDS = (
    "symbol",
    "execId",
    "execTime",
    "execType",
    "orderId",
    "side",
    "execPrice",
    "execQty",
    "execValue",
    "execFee",
)
_FILL_FIELDS = (*_FILL_BEFORE_UPGRADE_FIELDS, "feeCurrency")
_ORDER_FIELDS = (
    "symbol",
    "orderId",
    "orderLinkId",
    "orderStatus",
    "orderType",
    "side",
    "price",
    "qty",
    "cumExecQty",
    "cumExecValue",
    "avgPrice",
    "createdTime",
    "updatedTime",
)
_POSITION_FIELDS = (
    "symbol",
    "side",
    "size",
    "avgPrice",
    "markPrice",
    "leverage",
    "liqPrice",
    "unrealisedPnl",
)

_FILLS = page(
    "order/execution",
    "2026-03-16",
    100,
    50,
    order="sorted by execTime in descending order",
    cost="1 of 50 per second",
    note="baseCoin is BTC by default for options, so other coins are requested by name",
)
_FILLS_BEFORE_UPGRADE = page(
    "pre-upgrade/execution",
    "2026-03-16",
    100,
    50,
    order="sorted by execTime in descending order",
    note="of USDC perpetuals and options it has the last six months; older ones are only in the "
    "exchange's exports",
)
_ORDERS = page(
    "order/order-list",
    "2026-05-19",
    50,
    20,
    cost="1 of 50 per second",
    note="says that data may be delayed, not by how much, and states no order: only the last page "
    "of each window of seven days proves anything",
)
_ORDERS_BEFORE_UPGRADE = page(
    "pre-upgrade/order-list",
    "2026-03-16",
    50,
    20,
    note="states no order; lists orders of USDC perpetuals by symbol only, and beyond seven days "
    "only filled ones, so they are read for each USDC perpetual that was traded; of these and of "
    "options it has the last six months",
)
_POSITIONS = page("position/position", "2026-05-07", 200, 20, cost="1 of 50 per second")
_OPEN_ORDERS = page(
    "order/open-order",
    "2026-03-16",
    50,
    20,
    order="sorted by the createdTime from newest to oldest",
    cost="1 of 50 per second",
)


def trades() -> dict[str, Source]:
    return _by_category(
        "privateGetV5ExecutionList", CATEGORIES, _FILLS, "execTime", "parse_trade", _fill
    ) | _before_upgrade(
        "privateGetV5PreUpgradeExecutionList",
        CATEGORIES,
        _FILLS_BEFORE_UPGRADE,
        "execTime",
        "parse_trade",
        _fill,
    )


def orders() -> dict[str, Source]:
    since = _by_category(
        "privateGetV5OrderHistory", CATEGORIES, _ORDERS, "createdTime", "parse_order", _order
    )
    before = _before_upgrade(
        "privateGetV5PreUpgradeOrderHistory",
        CATEGORIES,
        _ORDERS_BEFORE_UPGRADE,
        "createdTime",
        "parse_order",
        _order,
    )
    linear = before["linear before the upgrade"]
    by_symbol = replace(
        linear,
        feed=replace(linear.feed, horizon=SIX_MONTHS),
        per_market="symbol",
        traded_in="USDC",
    )
    return since | before | {"USDC contract before the upgrade": by_symbol}


def funding() -> dict[str, Source]:
    return _by_category(
        "privateGetV5ExecutionList",
        FUNDED,
        _FILLS,
        "execTime",
        "parse_income",
        _payment,
        execType="Funding",
    ) | _before_upgrade(
        "privateGetV5PreUpgradeExecutionList",
        FUNDED,
        _FILLS_BEFORE_UPGRADE,
        "execTime",
        "parse_income",
        _payment,
        execType="Funding",
    )


def positions() -> tuple[Source, ...]:
    return _held("privateGetV5PositionList", CONTRACTS, _POSITIONS)


def open_orders() -> tuple[Source, ...]:
    return _held("privateGetV5OrderRealtime", CATEGORIES, _OPEN_ORDERS)


def ended_orders() -> tuple[Source, ...]:
    """The newest 500 of each category; the history is documented to be filled with a delay."""
    return _held("privateGetV5OrderRealtime", CATEGORIES, _OPEN_ORDERS, openOnly=1)


def order_by_id(category: str, market: str, order_id: str) -> tuple[Source, ...]:
    params = {"category": category, "orderId": order_id}
    return (
        _now("privateGetV5OrderRealtime", params, _OPEN_ORDERS),
        _now("privateGetV5OrderHistory", params, _ORDERS),
    )


def _fill(raw: Raw, row: Row) -> Row | None:
    """`execPnl` is on the WebSocket alone (changelog 2024-09-29): what a fill realized is the
    `cashFlow` of its entry in the transaction log, which `portfolio.realized_pnl_of` finds."""
    exec_type = str(raw.get("execType"))
    if exec_type in _NOT_FILLS:
        return None
    # Keep unknown types as trades: a wrong kind is better than a missing fill.
    kind = meaning("type of execution", exec_type, _KINDS, "trade")
    currency = raw.get("feeCurrency") or raw.get("feeCoin") or row["fee_currency"]
    found = row | {"kind": kind, "price": _price(raw, kind), "fee_currency": currency}
    if taxes := [fee for coin, fee in _extra_fees(raw) if coin == currency]:
        found["fee_cost"] = sum(taxes, row["fee_cost"] or Decimal(0))
    return found


def _extra_fees(raw: Raw) -> list[tuple[str, Decimal]]:
    """Taxes and levies on top of `execFee` (GST, VAT, WHT, TAX, CFX), by coin.

    "Get Trade History" calls them a string, blank for most users; the sample of the page
    "Execution" of the WebSocket has a list. Those in a coin other than the fee's are in `raw` only.
    """
    listed = raw.get("extraFees") or []
    if isinstance(listed, str):
        listed = json.loads(listed)
    return [(fee["feeCoin"], Decimal(fee["fee"])) for fee in listed]


def _price(raw: Raw, kind: str) -> Decimal:
    """ccxt takes the order's price where the fill's is blank. A stock split has none."""
    price = number(raw["execPrice"])
    if price is None and kind != "adjustment":
        raise ValueError(f"the fill {raw['execId']} has no price")
    return price or Decimal(0)


def _order(raw: Raw, row: Row) -> Row:
    status = str(raw["orderStatus"])
    return row | {"status": meaning("order status", status, _STATUSES, row["status"])}


def _payment(raw: Raw, row: Row) -> Row:
    """ccxt returns the fee, positive when paid, and on linear always in dollars."""
    settle = str(row["market"]).rpartition(":")[2].partition("-")[0]
    return row | {"amount": -Decimal(row["amount"]), "asset": settle}


def _by_category(
    method: str,
    categories: tuple[str, ...],
    documented: Documented,
    time: str,
    parse: str,
    amend: Amend,
    **params: Any,
) -> dict[str, Source]:
    return {
        stream: Source(
            Feed(
                method,
                NEWEST_FIRST if documented.order else IN_ANY_ORDER,
                {**scope, "limit": documented.limit, **params},
                LIST,
                milliseconds(time),
                WINDOW,
                required=_ORDER_FIELDS if parse == "parse_order" else _FILL_FIELDS,
                flags=("isMaker",) if parse == "parse_trade" else (),
                window=WEEK,
                horizon=TWO_YEARS,
                documented=documented,
            ),
            wallet=UNIFIED,
            parse=parse,
            category=category,
            market="symbol",
            amend=amend,
        )
        for category in categories
        for stream, scope in scopes(category).items()
    }


def _before_upgrade(
    method: str, categories: tuple[str, ...], documented: Documented, *args: Any, **params: Any
) -> dict[str, Source]:
    """Lists that have ended: no row is newer than the account's upgrade.

    That of linear contracts has two years of those settled in USDT and six months of those settled
    in USDC, which count as a stream of their own.
    """
    sources = _by_category(method, categories, documented, *args, **params)
    ended = {
        f"{stream} before the upgrade": replace(source, feed=_earlier(source.feed), daily=True)
        for stream, source in sources.items()
    }
    if linear := ended.get("linear before the upgrade"):
        half = replace(linear, feed=replace(linear.feed, horizon=SIX_MONTHS))
        ended["USDC contract before the upgrade"] = half
    return ended


def _earlier(feed: Feed) -> Feed:
    required = _FILL_BEFORE_UPGRADE_FIELDS if feed.required == _FILL_FIELDS else feed.required
    options = feed.params["category"] == "option"
    return replace(feed, required=required, horizon=SIX_MONTHS if options else feed.horizon)


def _held(
    method: str, categories: tuple[str, ...], documented: Documented, **more: Any
) -> tuple[Source, ...]:
    """What is currently open. Linear needs one request per settlement coin; a request without a
    coin is documented to list all options."""
    requests = [
        {"category": category, **({"settleCoin": coin} if coin else {})}
        for category in categories
        for coin in (("USDT", "USDC") if category == "linear" else (None,))
    ]
    return tuple(
        _now(method, request | {"limit": documented.limit, **more}, documented)
        for request in requests
    )


def _now(method: str, params: dict[str, Any], documented: Documented) -> Source:
    position = "Position" in method
    return Source(
        Feed(
            method,
            Cursor(NEWEST_FIRST.param, NEWEST_FIRST.next),
            params,
            LIST,
            required=_POSITION_FIELDS if position else _ORDER_FIELDS,
            documented=documented,
        ),
        wallet=UNIFIED,
        parse="parse_position" if position else "parse_order",
        category=params["category"],
        market="symbol",
        amend=_order,
    )
