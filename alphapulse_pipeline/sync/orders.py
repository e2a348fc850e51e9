"""Refreshes open orders in every run, whatever day they were placed.

An order stored as open but no longer listed as open is requested by its id: it was filled or
cancelled since, perhaps long after its day. An order placed and ended since the last run may not be
in the history yet, so recently ended orders are read too.

Two contradictions are suspect: an empty list of open orders when a request by id returns one, and
an unknown order that the exchange cannot have dropped yet.
"""

from collections.abc import Collection, Generator, Iterable, Iterator
from datetime import timedelta

from alphapulse_pipeline.datasets.orders import ORDERS
from alphapulse_pipeline.datasets.values import Row
from alphapulse_pipeline.exchange.errors import ExchangeFailure, Incomplete, Kind
from alphapulse_pipeline.exchange.feed import to_time
from alphapulse_pipeline.exchange.parsing import Parsed, Unread, parsed, set_ambiguous_apart
from alphapulse_pipeline.exchange.venues import Source
from alphapulse_pipeline.sync.rejecting import Rejecting, rejected_row
from alphapulse_pipeline.sync.session import Session
from alphapulse_pipeline.sync.skipping import skip_wallet, skipped_wallets
from alphapulse_pipeline.sync.streams import Stream, relevant_sources
from alphapulse_pipeline.warehouse import sync_state
from alphapulse_pipeline.warehouse.batches import Batch, Proof, Rejection, TimeRange
from alphapulse_pipeline.warehouse.rejected import Rejected
from alphapulse_pipeline.warehouse.sync_state import OpenOrder

_OPEN_ORDERS = "open orders"
"""What their lists, and requests by id, are called in the table `rejected`."""
_RECENTLY = timedelta(minutes=10)
"""The history shows an ended order after this time at the latest."""


def refresh_orders(
    session: Session, histories: Collection[Stream], *, just_ended: bool
) -> Generator[Batch, None, tuple[list[TimeRange], list[Rejection]]]:
    """Yield the open orders, then the stored orders that are no longer open.

    With `just_ended` also yields all recently ended orders. The times of orders that could not be
    read and are not stored become gaps of their `histories`. Returns the times of orders that must
    be read from the history, since the exchange has no request by id, and the orders that could not
    be read. Raises `Incomplete` if the exchange no longer knows an order with fills, and
    `ExchangeFailure` of kind `SUSPECT` if its answers contradict each other.
    """
    now = session.client.now()
    known = Rejected(session.connection, session.name, "orders").known()
    rejecting, rejected = Rejecting(known, now), list[Rejection]()
    empty_wallets = {source.wallet for source in session.venue.open_orders}
    listed: list[Row] = []
    open_before = sync_state.open_orders(session.connection, session.name)
    stored = {str(order.row["order_id"]) for order in open_before}

    def reject(source: Source, found: Parsed) -> None:
        rejected.extend(rejecting.of_list(_OPEN_ORDERS, found))
        for row in (*found.unread, *found.ambiguous):
            if stored.isdisjoint(map(str, row.raw.values())):
                rejected.extend(_gaps(histories, source, row))

    for source, found in _listed(session, session.venue.open_orders):
        listed += found.rows
        reject(source, found)
        if found.rows or found.unread or found.ambiguous:
            empty_wallets.discard(source.wallet)
    still_open = {(row["market"], row["order_id"]) for row in listed}
    if just_ended:
        for source, found in _listed(session, session.venue.ended_orders):
            listed += [row for row in found.rows if row["updated_at"] > now - _RECENTLY]
            reject(source, found)
    session.store_unlisted()
    yield Batch(listed, [Proof(_OPEN_ORDERS, TimeRange(now, now))], rejected)
    no_longer_open = [
        order
        for order in sync_state.open_orders(session.connection, session.name)
        if (order.row["market"], order.row["order_id"]) not in still_open
        and order.row["wallet"] not in skipped_wallets(session)
    ]
    lookups = [(order, _lookup_sources(session, order)) for order in no_longer_open]
    looked_up = [_look_up(session, order, sources) for order, sources in lookups if sources]
    unread = [rejected_row(_OPEN_ORDERS, row) for row in looked_up if isinstance(row, Unread)]
    if rows := [row for row in looked_up if not isinstance(row, Unread)]:
        hidden = [r for r in rows if r["status"] == "open" and r["wallet"] in empty_wallets]
        if hidden:
            raise _contradiction(
                f"the list of open orders of the wallet {hidden[0]['wallet']} is empty, but the "
                f"exchange reports order {hidden[0]['order_id']} as open"
            )
        yield Batch(rows, rejected=unread)
    elif unread:
        yield Batch([], rejected=unread)
    reread = [_placed_at(order) for order, sources in lookups if not sources]
    not_listed = [row for row in rejected if row.stream == _OPEN_ORDERS]
    return reread, [*not_listed, *unread]


def _gaps(histories: Collection[Stream], source: Source, row: Unread) -> Iterator[Rejection]:
    """An order that cannot be read, as a gap of the histories that will list it once it ended: if
    its time counted as complete, nothing would ever read it there."""
    for stream in histories:
        of = stream.source
        market = of.feed.params.get(of.per_market, row.raw.get(source.market))
        if (of.category, of.wallet, of.never_filled, market) == (
            source.category,
            source.wallet,
            source.never_filled,
            row.raw.get(source.market),
        ) and (time := of.feed.moment(row.raw)) is not None:
            gap = TimeRange(to_time(time), to_time(time + 1))
            yield rejected_row(stream.name, row, gap.start, (gap,))


def _listed(session: Session, sources: Iterable[Source]) -> Iterator[tuple[Source, Parsed]]:
    """The orders of each list."""
    for source in sources:
        for narrowed in relevant_sources(session, source):
            if source.wallet in skipped_wallets(session):
                break
            try:
                raw = session.client.run(narrowed.feed.everything, session.client.request)
            except ExchangeFailure as failure:
                if failure.kind is Kind.NOT_ENABLED:
                    skip_wallet(session, source.wallet, failure)
                elif failure.kind is not Kind.NOT_OFFERED:
                    raise
            else:
                found = parsed(session, "orders", narrowed, raw)
                set_ambiguous_apart(ORDERS, [found])
                yield narrowed, found


def _lookup_sources(session: Session, order: OpenOrder) -> tuple[Source, ...]:
    """Not of a wallet that is skipped: it would refuse the request."""
    market, skipped = order.market, skipped_wallets(session)
    sources = session.venue.order_by_id(market.category, market.raw_id, order.row["order_id"])
    return tuple(source for source in sources if source.wallet not in skipped)


def _look_up(session: Session, order: OpenOrder, sources: tuple[Source, ...]) -> Row | Unread:
    """The order as it is now; or what the exchange sent, if that cannot be read: then the order
    stays as it is stored."""
    no_market = 0
    for source in sources:
        try:
            raw = session.client.run(source.feed.everything, session.client.request)
        except ExchangeFailure as failure:
            if failure.kind not in (Kind.NOT_FOUND, Kind.NO_MARKET):
                raise
            no_market += failure.kind is Kind.NO_MARKET
            continue
        found = parsed(session, "orders", source, raw)
        for row in found.rows:
            if row["order_id"] == order.row["order_id"]:
                return row
        if found.unread:
            return found.unread[0]
    # with a market, an exchange may forget all its orders
    if no_market == len(sources) or _may_be_forgotten(session, order):
        return {**order.row, "status": "unknown", "updated_at": session.client.now()}
    # earlier, exchanges drop only unfilled orders, some time after they ended
    if order.row["filled"]:
        raise Incomplete(
            f"the exchange no longer knows order {order.row['order_id']}, which has fills"
        )
    last_read = session.history("orders").covered_until()
    kept_since = session.client.now() - session.venue.keeps_unfilled_orders
    # some exchanges count from when the order was placed, others from when it ended
    if last_read and kept_since < last_read and kept_since < order.row["created_at"]:
        raise _contradiction(
            f"the exchange does not know order {order.row['order_id']}, which was open at "
            f"{last_read:%Y-%m-%d %H:%M:%S} UTC"
        )
    return {**order.row, "status": "canceled", "updated_at": session.client.now()}


def _may_be_forgotten(session: Session, order: OpenOrder) -> bool:
    """Whether the order was placed longer ago than the exchange keeps any order of its wallet."""
    kept = [
        source.feed.horizon
        for source in session.venue.histories["orders"].values()
        if source.wallet == order.row["wallet"]
    ]
    longest = max((age for age in kept if age), default=None)
    if longest is None or None in kept:
        return False
    return bool(order.row["created_at"] < session.client.now() - longest)


def _contradiction(problem: str) -> ExchangeFailure:
    return ExchangeFailure(
        Kind.SUSPECT,
        problem,
        "the history of orders was not read and its coverage is unchanged; the next run asks again",
    )


def _placed_at(order: OpenOrder) -> TimeRange:
    placed = order.row["created_at"]
    return TimeRange(placed, placed + timedelta(milliseconds=1))
