"""Orders as they are now: refreshed in every run, whatever their day.

An order that the table says is open and the exchange does not is looked up: it was filled or
cancelled meanwhile, perhaps long after the day under which it is kept. One that was placed and
ended since the last run may be in no history yet, so what ended a moment ago is read too.
"""

from collections.abc import Generator, Iterable
from datetime import timedelta

from alphapulse_pipeline.exchange import rows
from alphapulse_pipeline.exchange.errors import ExchangeFailure, Incomplete, Kind
from alphapulse_pipeline.exchange.venues import Source
from alphapulse_pipeline.sync.parsing import parsed
from alphapulse_pipeline.sync.session import Session
from alphapulse_pipeline.warehouse import registry
from alphapulse_pipeline.warehouse.batches import Batch

_A_MOMENT = timedelta(minutes=10)
"""By then an order that ended is in the history."""


def orders_now(session: Session, *, just_ended: bool) -> Generator[Batch, None, None]:
    """The open orders, then those that have ceased to be open.

    With `just_ended` also the orders that ended a moment ago, open to us or not.
    Raises `Incomplete` where the exchange does not know an order any more that it must know.
    """
    now = session.client.now()
    found = list(_listed(session, session.venue.open_orders))
    still_open = {(row["market"], row["order_id"]) for row in found}
    if just_ended:
        ended = _listed(session, session.venue.ended_orders)
        found += [row for row in ended if row["updated_at"] > now - _A_MOMENT]
    session.store_unlisted()
    yield Batch(found)
    gone = [
        order
        for order in registry.open_orders(session.connection, session.name)
        if (order.market, order.order_id) not in still_open
    ]
    if gone:
        yield Batch([_ended(session, order) for order in gone])


def _listed(session: Session, sources: Iterable[Source]) -> Generator[rows.Row, None, None]:
    for source in sources:
        raw = session.client.run(source.feed.everything, session.client.request)
        yield from parsed(session, "orders", source, raw)


def _ended(session: Session, order: registry.OpenOrder) -> rows.Row:
    sources = session.venue.order_by_id(_category(order), order.raw_market, order.order_id)
    for source in sources:
        try:
            found = session.client.run(source.feed.everything, session.client.request)
        except ExchangeFailure as failure:
            if failure.kind is not Kind.NOT_FOUND:
                raise
            continue
        for row in parsed(session, "orders", source, found):
            if row["order_id"] == order.order_id:
                return row
    # Only an order that ended without a fill is forgotten, a day after it did.
    last_known = parsed(session, "orders", sources[0], [dict(order.raw)])[0]
    if last_known["filled"]:
        raise Incomplete(f"the exchange no longer knows order {order.order_id}, which has fills")
    return last_known | {"status": "canceled", "updated_at": session.client.now()}


def _category(order: registry.OpenOrder) -> str:
    """The market category, as the exchange sorts its orders."""
    if order.market_type in ("spot", "option"):
        return order.market_type
    return "inverse" if order.settle == order.base else "linear"
