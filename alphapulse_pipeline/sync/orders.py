"""Open orders: refreshed in every run, whatever their day.

An order that the table says is open and the exchange does not is looked up: it was filled or
cancelled meanwhile, perhaps long after the day under which it is kept.
"""

from collections.abc import Generator

from alphapulse_pipeline.exchange import rows
from alphapulse_pipeline.exchange.feed import Feed, everything
from alphapulse_pipeline.sync.parsing import parsed
from alphapulse_pipeline.sync.session import Session
from alphapulse_pipeline.warehouse import registry
from alphapulse_pipeline.warehouse.batches import Batch


def orders_now(session: Session) -> Generator[Batch, None, None]:
    """The open orders, then those that have ceased to be open."""
    found: list[rows.Row] = []
    for feed in session.venue.open_orders:
        raw = session.client.run(everything, session.client.request, feed)
        found += parsed(session, "orders", feed, raw)
    session.store_unlisted()
    still_open = {(row["market"], row["order_id"]) for row in found}
    yield Batch(found)
    ended = [
        _ended(session, order)
        for order in registry.open_orders(session.connection, session.name)
        if (order.market, order.order_id) not in still_open
    ]
    if ended:
        yield Batch(ended)


def _ended(session: Session, order: registry.OpenOrder) -> rows.Row:
    category = _category(order)
    for feed in session.venue.order_by_id(category, order.order_id):
        for raw in session.client.run(everything, session.client.request, feed):
            row = parsed(session, "orders", feed, [raw])[0]
            if row["order_id"] == order.order_id:
                return row
    # Only an order that ended without a fill is forgotten, a day after it did.
    feed = Feed("", {}, context={"category": category})
    last_known = parsed(session, "orders", feed, [dict(order.raw)])[0]
    return last_known | {"status": "canceled", "updated_at": session.client.now()}


def _category(order: registry.OpenOrder) -> str:
    """The market category, as the exchange sorts its orders."""
    if order.market_type in ("spot", "option"):
        return order.market_type
    return "inverse" if order.settle == order.base else "linear"
