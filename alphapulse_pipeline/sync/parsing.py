"""Raw rows of a feed as rows of a table: ccxt parses, the category asked for names the market."""

from collections.abc import Iterable
from typing import Any

from alphapulse_pipeline.exchange import rows
from alphapulse_pipeline.exchange.feed import Feed
from alphapulse_pipeline.sync.session import Session


def parsed(
    session: Session, dataset: str, feed: Feed, raw_rows: Iterable[dict[str, Any]]
) -> list[rows.Row]:
    """The rows of one page. What is not a row of this dataset (funding among fills) is left out."""
    parse = _PARSERS[dataset]
    found = (parse(session, raw, feed.context["category"]) for raw in raw_rows)
    return [row for row in found if row is not None]


def _trade(session: Session, raw: dict[str, Any], category: str) -> rows.Row | None:
    kind = session.venue.trade_kind(raw)
    if kind is None:
        return None
    name, market = session.markets.resolve(raw["symbol"], category)
    trade = session.client.ccxt.parse_trade(raw, market)
    row = rows.trade(session.venue.trading_wallet, name, trade, kind)
    return row | {"fee_currency": session.venue.fee_currency(raw) or row["fee_currency"]}


def _order(session: Session, raw: dict[str, Any], category: str) -> rows.Row:
    name, market = session.markets.resolve(raw["symbol"], category)
    order = session.client.ccxt.parse_order(raw, market)
    status = session.venue.order_status.get(raw.get("orderStatus", ""), order["status"])
    return rows.order(session.venue.trading_wallet, name, order, status)


_PARSERS = {"trades": _trade, "orders": _order}
