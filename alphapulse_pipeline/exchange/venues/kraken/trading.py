"""Kraken's fills and orders.

Pages: Get Trades History, Get Closed Orders, Get Open Orders, Query Orders Info
(docs.kraken.com/api-reference/account-data/...).

Closed orders are requested by when they were opened (`closetime=open`). The page does not say in
which order they come, "the most recent by default": perhaps by when they were closed.
"""

from datetime import timedelta

from alphapulse_pipeline.datasets.values import Row, number
from alphapulse_pipeline.exchange.feed import Feed, Raw
from alphapulse_pipeline.exchange.venues.kraken import margin
from alphapulse_pipeline.exchange.venues.kraken.common import (
    CLOSED_ORDERS,
    HISTORY_COST,
    OPEN_ORDERS,
    PAGE,
    SPOT,
    documented,
    happened,
    history,
    keyed,
)
from alphapulse_pipeline.exchange.venues.venue import Source
from alphapulse_pipeline.exchange.walker import Whole
from alphapulse_pipeline.exchange.walker.enriched import Enriched

# no limit is documented
KEEPS_UNFILLED_ORDERS = timedelta(days=365)

# Required fields: stored columns are read from them.
_FILL_FIELDS = (
    "pair",
    "ordertxid",
    "time",
    "type",
    "ordertype",
    "price",
    "vol",
    "cost",
    "fee",
)
_ORDER_FIELDS = ("pair", "status", "opentm", "vol", "vol_exec", "cost", "price")
_ORDERS_NOTE = (
    "the order of the rows is not said, nor how long orders are kept; userref is 0 where it was "
    "never set"
)


def trades() -> dict[str, Source]:
    feed = history(
        "privatePostTradesHistory",
        "trades",
        "time",
        _FILL_FIELDS,
        documented(
            "account-data/get-trades-history",
            CLOSED_ORDERS,
            HISTORY_COST,
            limit=PAGE,
            default_limit=PAGE,
            note="fee is an estimate in the quote currency; what was charged is in the ledger",
        ),
        # by default, Kraken merges the simultaneous fills of a taker order
        consolidate_taker=False,
    )
    feed = Feed(**{**vars(feed), "paging": Enriched(feed.paging, margin.booked)})
    return {
        "trades": Source(
            feed, wallet=SPOT, parse="parse_trade", category=SPOT, market="pair", amend=_fill
        )
    }


def orders() -> dict[str, Source]:
    feed = history(
        "privatePostClosedOrders",
        "closed",
        "opentm",
        _ORDER_FIELDS,
        documented(
            "account-data/get-closed-orders",
            CLOSED_ORDERS,
            limit=PAGE,
            default_limit=PAGE,
            note=_ORDERS_NOTE,
        ),
        ordered=False,
        closetime="open",
    )
    return {
        "orders": Source(
            feed, wallet=SPOT, parse="parse_order", category=SPOT, market="pair", amend=_order
        )
    }


def open_orders() -> tuple[Source, ...]:
    return (_listed("privatePostOpenOrders", "open", page="get-open-orders"),)


def order_by_id(category: str, market: str, order_id: str) -> tuple[Source, ...]:
    return (_listed("privatePostQueryOrders", page="query-orders-info", txid=order_id),)


def _listed(method: str, *path: str, page: str, **params: str) -> Source:
    permission = OPEN_ORDERS if path else f"{OPEN_ORDERS}, {CLOSED_ORDERS}"
    return Source(
        Feed(
            method,
            Whole(),
            params,
            keyed(*path),
            required=_ORDER_FIELDS,
            documented=documented(f"account-data/{page}", permission),
        ),
        wallet=SPOT,
        parse="parse_order",
        category=SPOT,
        market="pair",
        amend=_order,
    )


def _fill(raw: Raw, row: Row) -> Row:
    # for a delisted market, ccxt has no quote
    quote = str(row["market"]).partition("/")[2].partition(":")[0]
    kind = "liquidation" if "liquidation" in str(raw.get("ordertype")) else "trade"
    role = ("taker", "maker")[raw["maker"]] if "maker" in raw else row["taker_or_maker"]
    fill = row | {
        "executed_at": happened("time", raw),
        "cost": number(raw["cost"]),
        "fee_currency": quote,
        "taker_or_maker": role,
        "kind": kind,
    }
    return fill | margin.fill(raw, fill) if margin.is_margin(raw) else fill


def _order(raw: Raw, row: Row) -> Row:
    created = happened("opentm", raw)
    if raw["status"] in ("closed", "canceled", "expired") and not raw.get("closetm"):
        raise ValueError("a closed order has no closing time (closetm)")
    order = row | {
        "created_at": created,
        "updated_at": happened("closetm", raw) if raw.get("closetm") else created,
    }
    if not raw.get("cl_ord_id") and str(raw.get("userref")) == "0":
        order["client_order_id"] = ""
    if margin.is_margin_order(raw):
        order["market"] = margin.market_of(row["market"])
    return order
