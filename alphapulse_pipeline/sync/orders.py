"""Orders as they are now: refreshed in every run, whatever their day.

An order that the table says is open and the exchange does not is looked up: it was filled or
cancelled meanwhile, perhaps long after the day under which it is kept. One that was placed and
ended since the last run may be in no history yet, so what ended a moment ago is read too.

A list of open orders that shows nothing is doubted where the exchange says otherwise when it is
asked for one of them, and an order that it does not know at all where it cannot have forgotten it.
"""

from collections.abc import Generator, Iterable
from datetime import timedelta

from alphapulse_pipeline.datasets.values import Row
from alphapulse_pipeline.exchange.errors import ExchangeFailure, Incomplete, Kind
from alphapulse_pipeline.exchange.venues import Source
from alphapulse_pipeline.sync.parsing import parsed
from alphapulse_pipeline.sync.session import Session
from alphapulse_pipeline.sync.streams import of_lively_markets
from alphapulse_pipeline.warehouse import sync_state
from alphapulse_pipeline.warehouse.batches import Batch, TimeRange
from alphapulse_pipeline.warehouse.sync_state import OpenOrder

_A_MOMENT = timedelta(minutes=10)
"""By then an order that ended is in the history."""


def orders_now(session: Session, *, just_ended: bool) -> Generator[Batch, None, list[TimeRange]]:
    """The open orders, then those that have ceased to be open.

    With `just_ended` also the orders that ended a moment ago, open to us or not. Returns the
    moments of orders that must be looked for in the history, as the exchange tells no order by its
    id. Raises `Incomplete` where it does not know an order any more that it must know, and an
    `ExchangeFailure` of the kind `SUSPECT` where it contradicts itself.
    """
    now = session.client.now()
    found = list(_listed(session, session.venue.open_orders))
    still_open = {(row["market"], row["order_id"]) for row in found}
    silent = {source.wallet for source in session.venue.open_orders} - {r["wallet"] for r in found}
    if just_ended:
        ended = _listed(session, session.venue.ended_orders)
        found += [row for row in ended if row["updated_at"] > now - _A_MOMENT]
    session.store_unlisted()
    yield Batch(found)
    gone = [
        order
        for order in sync_state.open_orders(session.connection, session.name)
        if (order.row["market"], order.row["order_id"]) not in still_open
    ]
    told = [(order, _lookups(session, order)) for order in gone]
    if rows_of_gone := [_ended(session, order, sources) for order, sources in told if sources]:
        hidden = [r for r in rows_of_gone if r["status"] == "open" and r["wallet"] in silent]
        if hidden:
            raise _doubt(
                f"the list of open orders of the wallet {hidden[0]['wallet']} is empty, and the "
                f"exchange says that order {hidden[0]['order_id']} is open"
            )
        yield Batch(rows_of_gone)
    return [_moment_of(order) for order, sources in told if not sources]


def _listed(session: Session, sources: Iterable[Source]) -> Generator[Row, None, None]:
    for source in sources:
        for one in of_lively_markets(session, source):
            raw = session.client.run(one.feed.everything, session.client.request)
            yield from parsed(session, "orders", one, raw)


def _lookups(session: Session, order: OpenOrder) -> tuple[Source, ...]:
    market = order.market
    return session.venue.order_by_id(market.category, market.raw_id, order.row["order_id"])


def _ended(session: Session, order: OpenOrder, sources: tuple[Source, ...]) -> Row:
    for source in sources:
        try:
            found = session.client.run(source.feed.everything, session.client.request)
        except ExchangeFailure as failure:
            if failure.kind is not Kind.NOT_FOUND:
                raise
            continue
        for row in parsed(session, "orders", source, found):
            if row["order_id"] == order.row["order_id"]:
                return row
    # Only an order that ended without a fill is forgotten, some time after it did.
    if order.row["filled"]:
        raise Incomplete(
            f"the exchange no longer knows order {order.row['order_id']}, which has fills"
        )
    read = session.history("orders").covered_until()
    if read and session.client.now() - read < session.venue.keeps_unfilled_orders:
        raise _doubt(
            f"the exchange does not know order {order.row['order_id']}, which was open at "
            f"{read:%Y-%m-%d %H:%M:%S} UTC"
        )
    return {**order.row, "status": "canceled", "updated_at": session.client.now()}


def _doubt(cause: str) -> ExchangeFailure:
    mend = "no history of orders was read, so that nothing is taken for complete; the next run asks"
    return ExchangeFailure(Kind.SUSPECT, cause, f"{mend} again")


def _moment_of(order: OpenOrder) -> TimeRange:
    placed = order.row["created_at"]
    return TimeRange(placed, placed + timedelta(milliseconds=1))
