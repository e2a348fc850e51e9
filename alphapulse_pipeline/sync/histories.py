"""Histories: what happened, asked for where coverage says that it is missing."""

import logging
from collections.abc import AsyncGenerator, Callable, Generator, Mapping
from contextlib import closing
from datetime import UTC, datetime, time, timedelta

from alphapulse_pipeline.exchange.errors import ExchangeFailure, Kind
from alphapulse_pipeline.exchange.feed import Feed, Page, to_milliseconds, to_time
from alphapulse_pipeline.exchange.rows import Row
from alphapulse_pipeline.exchange.walker.known_row import confirm_empty_pages
from alphapulse_pipeline.exchange.walker.unknown_retention import limit_to_oldest_row
from alphapulse_pipeline.sync.admission import admit
from alphapulse_pipeline.sync.orders import orders_now
from alphapulse_pipeline.sync.parsing import parsed
from alphapulse_pipeline.sync.session import Session
from alphapulse_pipeline.sync.streams import Stream, due, streams
from alphapulse_pipeline.warehouse import coverage, sync_log, sync_state
from alphapulse_pipeline.warehouse.batches import Batch, Batches, Proof, TimeRange
from alphapulse_pipeline.warehouse.coverage import Gap

logger = logging.getLogger(__name__)

_HOPELESS = (Kind.CREDENTIALS, Kind.CLOCK)
"""What fails for one stream so will fail for all."""


_SURE = timedelta(days=1)
"""No exchange is known to forget what is younger."""
_SUSPICION = timedelta(days=1)
"""So long a row that is not shown any more is taken for a fault of the exchange."""


def history(
    session: Session,
    dataset: str,
    window: TimeRange,
    *,
    fill: bool,
    keep_going: Callable[[], bool] = lambda: True,
) -> Batches:
    """Batches that complete `window`, newest first.

    With `fill` only what is not covered is asked for; without, all of it is read again. Where
    `keep_going` says no, the rest is left for the next run.
    """
    log_id = sync_log.start(session.connection, session.name, dataset, session.run_id)
    before = session.client.requests
    return Batches(
        session.name,
        dataset,
        _batches(session, dataset, window, fill, keep_going),
        log_id=log_id,
        requests=lambda: session.client.requests - before,
        compare=None if fill else window,
    )


def whole_history(session: Session) -> TimeRange:
    """From the account's `history_start` to now, exchange time."""
    return TimeRange(history_start(session), session.client.now())


def history_start(session: Session) -> datetime:
    return datetime.combine(session.account.settings.history_start, time(), UTC)


def _batches(
    session: Session,
    dataset: str,
    window: TimeRange,
    fill: bool,
    keep_going: Callable[[], bool],
) -> Generator[Batch, None, None]:
    admit(session)
    session.markets  # noqa: B018  else ccxt would load them by itself, with a dozen calls
    found = due(session, dataset, streams(session, dataset))
    now = session.client.now()
    start = history_start(session)
    # Nothing younger than the lag is taken for complete: a row may still turn up late. Orders
    # that are open now are read first, so that one that closes meanwhile is in the history.
    proven_to = max(start, now - session.venue.lag)
    wanted = TimeRange(start, proven_to)
    coverage.want(
        session.connection,
        session.name,
        dataset,
        [(s.name, s.found) for s in found.values()],
        wanted,
    )
    again: list[TimeRange] = []
    if dataset == "orders":
        again = yield from orders_now(session, just_ended=window.end >= proven_to)
    if dataset == "transfers" and fill:
        again = sync_state.unsettled_transfers(session.connection, session.name)
    end = min(window.end, now)
    asked = TimeRange(min(max(window.start, start), end), end)
    gaps = [
        reachable
        for gap in _asked(session, dataset, found, asked, TimeRange(start, now), fill)
        if (reachable := _reachable(session, dataset, gap, found[gap.stream], now))
    ]
    # what was pending when it was read, or open, may have ended since
    gaps += [Gap(name, moment) for moment in again for name in found]
    yield from _read(session, dataset, found, gaps, proven_to, keep_going)


def _read(
    session: Session,
    dataset: str,
    found: Mapping[str, Stream],
    gaps: list[Gap],
    proven_to: datetime,
    keep_going: Callable[[], bool],
) -> Generator[Batch, None, None]:
    """Reads gaps of several streams at the same time; one that fails does not stop the others."""
    name = f"{session.name}/{dataset}"
    walks = {gap: _walk(session, dataset, found[gap.stream], gap) for gap in gaps}
    if walks:
        first, last = min(g.missing.start for g in gaps), max(g.missing.end for g in gaps)
        logger.info("%s: reading %s, %d streams", name, TimeRange(first, last), len(walks))
    failures: list[ExchangeFailure] = []
    left = {gap: gap.missing.end for gap in gaps}
    with closing(session.client.stream(walks)) as lists:
        for items in lists:
            # what has come meanwhile is committed together
            rows: list[Row] = []
            proofs: list[Proof] = []
            for gap, item in items:
                stream = found[gap.stream]
                if isinstance(item, Page) and item.unverified:
                    unproved = TimeRange(to_time(item.start), to_time(item.end))
                    _unreachable(session, dataset, gap.stream, unproved, item.unverified)
                elif isinstance(item, Page):
                    made = parsed(session, dataset, stream.source, item.rows)
                    rows += made
                    proofs += _proofs(stream, item, _newest(dataset, stream, item, made), proven_to)
                    left[gap] = min(left[gap], to_time(item.start))
                elif not isinstance(item, ExchangeFailure) or item.kind in _HOPELESS:
                    raise item
                elif item.kind is Kind.NO_MARKET and stream.guessed:
                    sync_state.refused_market(session.connection, session.name, stream.market)
                elif item.kind is Kind.SUSPECT:
                    coverage.suspect(
                        session.connection, session.name, dataset, gap.stream, _SUSPICION
                    )
                    logger.warning("%s %s: %s", name, gap.stream, item)
                    failures.append(item)
                elif item.kind is Kind.TOO_OLD:
                    lost = TimeRange(gap.missing.start, left[gap])
                    _unreachable(session, dataset, gap.stream, lost, item.problem)
                else:
                    logger.warning("%s %s: %s", name, gap.stream, item)
                    failures.append(item)
            session.store_unlisted()
            yield Batch(rows, proofs)
            if not keep_going():
                logger.info("%s: time is up, the rest is for the next run", name)
                break
    if failures:
        raise failures[0]


def _asked(
    session: Session,
    dataset: str,
    found: Mapping[str, Stream],
    asked: TimeRange,
    ever: TimeRange,
    fill: bool,
) -> list[Gap]:
    """What is to be read, newest first, in the order of the streams where they end together."""
    if not fill:
        return [Gap(stream, asked) for stream in found]
    # What goes by ids is read onwards from what is known, wherever that ends.
    ids = {name for name, stream in found.items() if stream.source.id}
    gaps = coverage.gaps(session.connection, session.name, dataset, asked)
    if ids:
        gaps = [gap for gap in gaps if gap.stream not in ids]
        everything = coverage.gaps(session.connection, session.name, dataset, ever)
        gaps += [gap for gap in everything if gap.stream in ids]
    order = {name: place for place, name in enumerate(found)}
    # a stream that this version no longer reads stays visible as a gap
    known = [gap for gap in gaps if gap.stream in order]
    return sorted(known, key=lambda gap: (-gap.missing.end.timestamp(), order[gap.stream]))


def _reachable(
    session: Session, dataset: str, gap: Gap, stream: Stream, now: datetime
) -> Gap | None:
    """The part of a gap that the exchange still serves; the rest is marked as unreachable."""
    horizon, oldest = stream.source.feed.horizon, _oldest_served(stream.source.feed, now)
    if horizon and oldest and gap.missing.start < oldest:
        lost = TimeRange(gap.missing.start, min(oldest, gap.missing.end))
        reason = f"the exchange serves {horizon.days} days"
        _unreachable(session, dataset, gap.stream, lost, reason)
        gap = Gap(gap.stream, TimeRange(lost.end, max(gap.missing.end, lost.end)))
    return None if gap.missing.empty else gap


def _walk(session: Session, dataset: str, stream: Stream, gap: Gap) -> AsyncGenerator[Page, None]:
    feed, source = stream.source.feed, stream.source
    now = session.client.now()
    after = (
        sync_state.greatest_id(
            session.connection,
            session.name,
            dataset,
            source.id,
            stream.market,
            source.wallet,
            gap.missing.start,
            served=_oldest_served(feed, now),
            forgotten=now - session.venue.keeps_unfilled_orders,
        )
        if source.id
        else None
    )
    start, end = to_milliseconds(gap.missing.start), to_milliseconds(gap.missing.end)
    pages = feed.paging.walk(session.client.request, feed, start, end, after)
    if not after:  # what goes on from a known row has its witness
        witness = _witness(session, dataset, stream)
        pages = confirm_empty_pages(pages, feed, session.client.request, witness)
    if not source.retention_unknown:
        return pages
    older = sync_state.covered_before(
        session.connection, session.name, dataset, stream.name, gap.missing.start
    )
    return limit_to_oldest_row(pages, to_milliseconds(now - _SURE), older, feed.moment)


def _oldest_served(feed: Feed, now: datetime) -> datetime | None:
    """Since when the exchange serves a feed; None: since ever."""
    # a margin, since the exchange's horizon moves on while pages are read
    return now - feed.horizon + timedelta(hours=1) if feed.horizon else None


def _witness(session: Session, dataset: str, stream: Stream) -> int | None:
    """The time (ms) of a row that the exchange must still show, if there is one."""
    newest = coverage.newest_row(session.connection, session.name, dataset, stream.name)
    served = _SURE if stream.source.retention_unknown else stream.source.feed.horizon
    oldest = session.client.now() - served + timedelta(hours=1) if served else newest
    return to_milliseconds(newest) if newest and oldest and newest >= oldest else None


def _unreachable(session: Session, dataset: str, stream: str, lost: TimeRange, reason: str) -> None:
    coverage.mark_unreachable(session.connection, session.name, dataset, stream, lost, reason)


def _newest(dataset: str, stream: Stream, page: Page, made: list[Row]) -> datetime | None:
    """The time of the newest row of a page that the exchange will not forget soon."""
    if dataset == "orders":  # one without a fill may be forgotten when it has ended
        return max((row["created_at"] for row in made if row["filled"]), default=None)
    newest = max(map(stream.source.feed.moment, page.rows), default=None)
    return None if newest is None else to_time(newest)


def _proofs(
    stream: Stream, page: Page, newest: datetime | None, proven_to: datetime
) -> list[Proof]:
    start, end = to_time(page.start), min(to_time(page.end), proven_to)
    if newest is None:
        return [Proof(stream.name, TimeRange(start, end))] if start < end else []
    # a page that proves nothing yet has a witness for later answers all the same
    return [Proof(stream.name, TimeRange(start, max(start, end)), newest)]
