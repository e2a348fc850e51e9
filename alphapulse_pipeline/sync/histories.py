"""Histories: what happened, asked for where coverage says that it is missing."""

import logging
from collections.abc import AsyncGenerator, Callable, Collection, Generator
from contextlib import closing
from datetime import UTC, datetime, time, timedelta

from alphapulse_pipeline.exchange.feed import Feed, Page, walk
from alphapulse_pipeline.sync.orders import orders_now
from alphapulse_pipeline.sync.parsing import parsed
from alphapulse_pipeline.sync.session import Session
from alphapulse_pipeline.warehouse import coverage, log
from alphapulse_pipeline.warehouse.batches import Batch, Batches, Proof, TimeRange
from alphapulse_pipeline.warehouse.coverage import Gap

logger = logging.getLogger(__name__)


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
    log_id = log.start(session.connection, session.name, dataset, session.run_id)
    before = session.client.requests
    return Batches(
        session.name,
        dataset,
        _batches(session, dataset, window, fill, keep_going),
        log_id=log_id,
        requests=lambda: session.client.requests - before,
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
    feeds = session.venue.histories[dataset]
    now = session.client.now()
    start = history_start(session)
    # Nothing younger than the lag is taken for complete: a row may still turn up late. Orders
    # that are open now are read first, so that one that closes meanwhile is in the history.
    proven_to = max(start, now - session.venue.lag)
    wanted = TimeRange(start, proven_to)
    coverage.want(
        session.connection, session.name, dataset, [(s, "the exchange") for s in feeds], wanted
    )
    if dataset == "orders":
        yield from orders_now(session, just_ended=window.end >= proven_to)
    end = min(window.end, now)
    asked = TimeRange(min(max(window.start, start), end), end)
    for gap in _asked(session, dataset, feeds, asked, fill):
        feed = feeds[gap.stream]
        reachable = _reachable(session, dataset, gap, feed, now)
        if reachable.empty:
            continue
        logger.info("%s/%s %s: reading %s", session.name, dataset, gap.stream, reachable)
        with closing(session.client.stream(_walk(session, feed, reachable))) as pages:
            for page in pages:
                found = parsed(session, dataset, feed, page.rows)
                session.store_unlisted()
                yield Batch(found, _proof(gap.stream, page, proven_to))
                if not keep_going():
                    name = f"{session.name}/{dataset}"
                    logger.info("%s: time is up, the rest is for the next run", name)
                    return


def _asked(
    session: Session, dataset: str, streams: Collection[str], asked: TimeRange, fill: bool
) -> list[Gap]:
    if fill:
        found = coverage.gaps(session.connection, session.name, dataset, asked)
        # a stream that this version no longer reads stays visible as a gap
        return [gap for gap in found if gap.stream in streams]
    return [Gap(stream, asked) for stream in streams]


def _reachable(session: Session, dataset: str, gap: Gap, feed: Feed, now: datetime) -> TimeRange:
    """The part of a gap that the exchange still serves; the rest is marked as unreachable."""
    if feed.horizon is None:
        return gap.missing
    # a margin, since the exchange's horizon moves on while pages are read
    oldest = now - feed.horizon + timedelta(hours=1)
    if gap.missing.start >= oldest:
        return gap.missing
    lost = TimeRange(gap.missing.start, min(oldest, gap.missing.end))
    coverage.mark_unreachable(session.connection, session.name, dataset, gap.stream, lost)
    return TimeRange(lost.end, max(gap.missing.end, lost.end))


def _walk(session: Session, feed: Feed, times: TimeRange) -> AsyncGenerator[Page, None]:
    return walk(session.client.request, feed, times.start, times.end)


def _proof(stream: str, page: Page, proven_to: datetime) -> Proof | None:
    end = min(page.end, proven_to)
    return Proof(stream, TimeRange(page.start, end)) if page.start < end else None
