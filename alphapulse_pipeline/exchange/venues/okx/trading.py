"""OKX's fills and orders.

Fills are identified by `billId`: `tradeId` is unique only per instrument. Orders that were canceled
without a fill are not in the archive of three months, but in the list of seven days, and there for
two hours only: they are a stream of their own, read whole in every run.
"""

from datetime import timedelta
from typing import Any

from alphapulse_pipeline.datasets.values import Row, number
from alphapulse_pipeline.exchange.documented import THREE_MONTHS, Documented
from alphapulse_pipeline.exchange.feed import Feed, Raw, between, milliseconds
from alphapulse_pipeline.exchange.new_values import meaning
from alphapulse_pipeline.exchange.venues.okx.common import (
    BY_BILL,
    BY_ORDER,
    DATA,
    LIMIT,
    TRADING,
    TYPES,
    documented,
    per_user,
)
from alphapulse_pipeline.exchange.venues.venue import Source
from alphapulse_pipeline.exchange.walker import Cursor, RecentlyEnded, Whole

UNFILLED_KEPT = timedelta(hours=2)
"""How long orders that were canceled without a fill are served."""

# Required fields: stored columns are read from them.
_FILL_FIELDS = (
    "instId",
    "billId",
    "ordId",
    "side",
    "fillPx",
    "fillSz",
    "fee",
    "feeCcy",
    "execType",
    "subType",
    "ts",
)
_ORDER_FIELDS = (
    "instId",
    "ordId",
    "clOrdId",
    "state",
    "ordType",
    "side",
    "px",
    "sz",
    "accFillSz",
    "avgPx",
    "cTime",
    "uTime",
)

_FILLS = documented(
    "order-book-trading-trade-get-transaction-details-last-3-months",
    "2026-07-17",
    per_user(10),
    permission="",
    note="advises to use the list of three days for those, and does not say why; `begin` and `end` "
    "filter by `ts`",
)
_ARCHIVE = documented(
    "order-book-trading-trade-get-order-history-last-3-months",
    "2026-07-14",
    per_user(20),
    note="does not contain orders canceled without any fill; `begin` and `end` filter by `cTime`; "
    "does not say how rows are sorted, so only complete windows prove anything",
)
_UNFILLED = documented(
    "order-book-trading-trade-get-order-history-last-7-days",
    "2026-06-30",
    per_user(40),
    note="orders canceled without a fill are kept for two hours",
)
_PENDING = documented("order-book-trading-trade-get-order-list", "2026-06-30", per_user(60))
_ORDER = documented(
    "order-book-trading-trade-get-order-details",
    "2026-07-08",
    "1 of 60 per 2 seconds, user and instrument",
    limit=1,
    default_limit=1,
)

_TRADES = (
    *range(1, 7),
    *(110, 111, 118, 119),  # conversions of liquidations and of the system
    *range(204, 210),  # block trades
    *(212, 213, 236, 237),  # quick margin, easy convert
    *range(270, 276),  # spread trades
    *range(324, 330),  # moved positions
    *(376, 377),  # collateralized borrowing
    *range(410, 414),  # events
)
# subType of a fill -> kind, as the page lists them
_KINDS = {
    **dict.fromkeys(map(str, _TRADES), "trade"),
    **dict.fromkeys(("100", "101", "102", "103", "104", "105", "106", "107"), "liquidation"),
    **dict.fromkeys(("125", "126", "127", "128"), "adl"),
    **dict.fromkeys(("112", "113", "414", "415"), "settlement"),
}


def trades() -> dict[str, Source]:
    return {
        name.lower(): Source(
            Feed(
                "privateGetTradeFillsHistory",
                BY_BILL,
                {"instType": name, "limit": LIMIT},
                DATA,
                milliseconds("ts"),
                between("begin", "end"),
                required=_FILL_FIELDS,
                horizon=THREE_MONTHS,
                documented=_FILLS,
            ),
            wallet=TRADING,
            parse="parse_trade",
            category=flag,
            market="instId",
            amend=_fill,
        )
        for name, flag in TYPES.items()
    }


def orders() -> dict[str, Source]:
    """The lists of unfilled orders come first: their rows disappear first."""
    return {
        **{f"{name.lower()} unfilled": _unfilled(name, flag) for name, flag in TYPES.items()},
        **{
            name.lower(): _orders(
                Feed(
                    "privateGetTradeOrdersHistoryArchive",
                    BY_ORDER,
                    {"instType": name, "limit": LIMIT},
                    DATA,
                    milliseconds("cTime"),
                    between("begin", "end"),
                    required=_ORDER_FIELDS,
                    window=timedelta(days=7),
                    horizon=THREE_MONTHS,
                    documented=_ARCHIVE,
                ),
                flag,
            )
            for name, flag in TYPES.items()
        },
    }


def open_orders() -> tuple[Source, ...]:
    return tuple(
        _listed("privateGetTradeOrdersPending", BY_ORDER, name, flag, _PENDING)
        for name, flag in TYPES.items()
    )


def order_by_id(category: str, market: str, order_id: str) -> tuple[Source, ...]:
    params = {"instId": market, "ordId": order_id}
    feed = Feed(
        "privateGetTradeOrder", Whole(), params, DATA, required=_ORDER_FIELDS, documented=_ORDER
    )
    return (_orders(feed, category),)


def _unfilled(name: str, flag: str) -> Source:
    # options are also canceled by market maker protection, which is a state of its own
    state = {} if name == "OPTION" else {"state": "canceled"}
    return _listed(
        "privateGetTradeOrdersHistory",
        RecentlyEnded(BY_ORDER),
        name,
        flag,
        _UNFILLED,
        UNFILLED_KEPT,
        **state,
    )


def _listed(
    method: str,
    paging: Cursor | RecentlyEnded,
    name: str,
    flag: str,
    page: Documented,
    horizon: timedelta | None = None,
    **params: Any,
) -> Source:
    return _orders(
        Feed(
            method,
            paging,
            {"instType": name, "limit": LIMIT, **params},
            DATA,
            milliseconds("cTime"),
            required=_ORDER_FIELDS,
            horizon=horizon,
            documented=page,
        ),
        flag,
    )


def _orders(feed: Feed, flag: str) -> Source:
    return Source(feed, wallet=TRADING, parse="parse_order", category=flag, market="instId")


def _fill(raw: Raw, row: Row) -> Row:
    role = row["taker_or_maker"]
    return row | {
        "trade_id": raw["billId"],
        "kind": meaning("type of fill (subType)", str(raw["subType"]), _KINDS, "trade"),
        "realized_pnl": number(raw.get("fillPnl")) if ":" in row["market"] else None,
        # liquidations have no role
        "taker_or_maker": role if role in ("taker", "maker") else None,
    }
