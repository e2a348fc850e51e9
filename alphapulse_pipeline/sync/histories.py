"""Histories: read where coverage says that something is missing."""

import logging
from collections.abc import AsyncGenerator, Callable, Generator, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

from alphapulse_pipeline.datasets.values import Row
from alphapulse_pipeline.exchange.errors import ExchangeFailure, Kind
from alphapulse_pipeline.exchange.feed import Feed, Page, to_milliseconds, to_time
from alphapulse_pipeline.exchange.walker.known_row import confirm_empty_pages
from alphapulse_pipeline.exchange.walker.unknown_retention import limit_to_oldest_row
from alphapulse_pipeline.sync.admission import admit
from alphapulse_pipeline.sync.orders import orders_now
from alphapulse_pipeline.sync.parsing import parsed
from alphapulse_pipeline.sync.session import Session
from alphapulse_pipeline.sync.streams import Stream, due, streams
from alphapulse_pipeline.warehouse import sync_log, sync_state
from alphapulse_pipeline.warehouse.batches import Batch, Batches, Proof, TimeRange
from alphapulse_pipeline.warehouse.history_state import Gap, HistoryState

logger = logging.getLogger(__name__)

_FAILS_ALL = (Kind.CREDENTIALS, Kind.CLOCK)
"""What fails for one stream like this will fail for every stream."""
_NEVER_FORGOTTEN = timedelta(days=1)
"""No exchange is known to forget anything younger."""
_KNOWN_ROW_EXPIRES = timedelta(days=1)
"""How long a known row that is no longer returned counts as the exchange's fault."""


def history(
    session: Session,
    dataset: str,
    window: TimeRange,
    *,
    fill: bool,
    keep_going: Callable[[], bool] = lambda: True,
) -> Batches:
    """Batches that complete `window`, newest first.

    With `fill` only gaps are read; without it, everything is read again and compared. When
    `keep_going` returns False, the rest is left to the next run.
    """
    log_id = sync_log.start(session.connection, session.name, dataset, session.run_id)
    before = session.client.requests
    reading = _Reading(session, session.history(dataset), fill, keep_going)
    return Batches(
        session.name,
        dataset,
        reading.batches(window),
        log_id=log_id,
        requests=lambda: session.client.requests - before,
        compare=None if fill else window,
    )


def whole_history(session: Session) -> TimeRange:
    """From the account's `history_start` to now, exchange time."""
    return TimeRange(history_start(session), session.client.now())


def history_start(session: Session) -> datetime:
    return datetime.combine(session.account.settings.history_start, time(), UTC)


@dataclass(frozen=True)
class _Reading:
    """One reading of one history."""

    session: Session
    state: HistoryState
    fill: bool
    keep_going: Callable[[], bool]

    @property
    def dataset(self) -> str:
        return self.state.dataset

    def batches(self, window: TimeRange) -> Generator[Batch, None, None]:
        session = self.session
        admit(session)
        session.markets  # noqa: B018  otherwise ccxt loads them itself, with a dozen calls
        found = due(session, self.state, streams(session, self.dataset))
        now = session.client.now()
        start = history_start(session)
        # Nothing younger than the lag counts as complete: a row may still turn up. Orders that are
        # open now are read first, so that one which closes meanwhile is in the history.
        proven_to = max(start, now - session.venue.lag)
        self.state.want([(s.name, s.found) for s in found.values()], TimeRange(start, proven_to))
        again: list[TimeRange] = []
        if self.dataset == "orders":
            again = yield from orders_now(session, just_ended=window.end >= proven_to)
        if self.fill:
            again += self.state.unsettled()
        end = min(window.end, now)
        requested = TimeRange(min(max(window.start, start), end), end)
        gaps = [
            reachable
            for gap in self._gaps(found, requested, TimeRange(start, now))
            if (reachable := self._reachable(gap, found[gap.stream], now))
        ]
        # what was open or pending when it was read may have ended since
        gaps += [Gap(name, moment) for moment in again for name in found]
        yield from self._read(found, gaps, proven_to)

    def _read(
        self, found: Mapping[str, Stream], gaps: list[Gap], proven_to: datetime
    ) -> Generator[Batch, None, None]:
        """Reads gaps of several streams at a time; one that fails does not stop the others."""
        session = self.session
        name = f"{session.name}/{self.dataset}"
        walks = {gap: self._walk(found[gap.stream], gap) for gap in gaps}
        if walks:
            first, last = min(g.missing.start for g in gaps), max(g.missing.end for g in gaps)
            logger.info("%s: reading %s, %d streams", name, TimeRange(first, last), len(walks))
        failures: list[ExchangeFailure] = []
        left = {gap: gap.missing.end for gap in gaps}
        with closing(session.client.stream(walks)) as lists:
            for items in lists:
                # everything that has arrived meanwhile is committed together
                rows: list[Row] = []
                proofs: list[Proof] = []
                for gap, item in items:
                    stream = found[gap.stream]
                    if isinstance(item, Page) and item.unverified:
                        unproven = TimeRange(to_time(item.start), to_time(item.end))
                        self.state.mark_unreachable(gap.stream, unproven, item.unverified)
                    elif isinstance(item, Page):
                        made = parsed(session, self.dataset, stream.source, item.rows)
                        rows += made
                        newest = self._newest(stream, item, made)
                        proofs += _proofs(stream, item, newest, proven_to)
                        left[gap] = min(left[gap], to_time(item.start))
                    elif not isinstance(item, ExchangeFailure) or item.kind in _FAILS_ALL:
                        raise item
                    elif item.kind is Kind.NO_MARKET and stream.guessed:
                        sync_state.refused_market(session.connection, session.name, stream.market)
                    elif item.kind is Kind.TOO_OLD:
                        lost = TimeRange(gap.missing.start, left[gap])
                        self.state.mark_unreachable(gap.stream, lost, item.problem)
                    else:
                        if item.kind is Kind.SUSPECT:
                            self.state.suspect(gap.stream, _KNOWN_ROW_EXPIRES)
                        logger.warning("%s %s: %s", name, gap.stream, item)
                        failures.append(item)
                session.store_unlisted()
                yield Batch(rows, proofs)
                if not self.keep_going():
                    logger.info("%s: out of time; the next run reads the rest", name)
                    break
        if failures:
            raise failures[0]

    def _gaps(
        self, found: Mapping[str, Stream], requested: TimeRange, ever: TimeRange
    ) -> list[Gap]:
        """What is to be read, newest first; gaps with the same end in the order of the streams."""
        if not self.fill:
            return [Gap(stream, requested) for stream in found]
        # Feeds that page by id are read on from the newest known row, wherever that is.
        by_id = {name for name, stream in found.items() if stream.source.id}
        gaps = self.state.gaps(requested)
        if by_id:
            gaps = [gap for gap in gaps if gap.stream not in by_id]
            gaps += [gap for gap in self.state.gaps(ever) if gap.stream in by_id]
        order = {name: place for place, name in enumerate(found)}
        # a stream that this version no longer reads stays visible as a gap
        known = [gap for gap in gaps if gap.stream in order]
        return sorted(known, key=lambda gap: (-gap.missing.end.timestamp(), order[gap.stream]))

    def _reachable(self, gap: Gap, stream: Stream, now: datetime) -> Gap | None:
        """The part of a gap that the exchange still serves; the rest is marked unreachable."""
        horizon, oldest = stream.source.feed.horizon, _oldest_served(stream.source.feed, now)
        if horizon and oldest and gap.missing.start < oldest:
            lost = TimeRange(gap.missing.start, min(oldest, gap.missing.end))
            reason = f"the exchange serves {horizon.days} days"
            self.state.mark_unreachable(gap.stream, lost, reason)
            gap = Gap(gap.stream, TimeRange(lost.end, max(gap.missing.end, lost.end)))
        return None if gap.missing.empty else gap

    def _walk(self, stream: Stream, gap: Gap) -> AsyncGenerator[Page, None]:
        session, source = self.session, stream.source
        feed, now = source.feed, session.client.now()
        after = (
            self.state.newest_id(
                stream.market,
                source.wallet,
                gap.missing.start,
                served=_oldest_served(feed, now),
                unfilled_since=now - session.venue.keeps_unfilled_orders,
            )
            if source.id
            else None
        )
        start, end = to_milliseconds(gap.missing.start), to_milliseconds(gap.missing.end)
        pages = feed.paging.walk(session.client.request, feed, start, end, after)
        if not after:  # a walk that goes on from a known row needs no other proof
            known_row = self._known_row(stream)
            pages = confirm_empty_pages(pages, feed, session.client.request, known_row)
        if not source.retention_unknown:
            return pages
        older = self.state.covered_before(stream.name, gap.missing.start)
        return limit_to_oldest_row(
            pages, to_milliseconds(now - _NEVER_FORGOTTEN), older, feed.moment
        )

    def _known_row(self, stream: Stream) -> int | None:
        """The time (ms) of a row that the exchange must still return, if there is one."""
        newest = self.state.newest_row(stream.name)
        source = stream.source
        served = _NEVER_FORGOTTEN if source.retention_unknown else source.feed.horizon
        oldest = self.session.client.now() - served + timedelta(hours=1) if served else newest
        return to_milliseconds(newest) if newest and oldest and newest >= oldest else None

    def _newest(self, stream: Stream, page: Page, made: list[Row]) -> datetime | None:
        """The time of the newest row of a page that the exchange will not forget soon."""
        if self.dataset == "orders":  # an order without a fill may be forgotten once it has ended
            return max((row["created_at"] for row in made if row["filled"]), default=None)
        newest = max(map(stream.source.feed.moment, page.rows), default=None)
        return None if newest is None else to_time(newest)


def _oldest_served(feed: Feed, now: datetime) -> datetime | None:
    """Since when the exchange serves a feed; None: since ever."""
    # an hour's margin: the exchange's horizon moves on while pages are read
    return now - feed.horizon + timedelta(hours=1) if feed.horizon else None


def _proofs(
    stream: Stream, page: Page, newest: datetime | None, proven_to: datetime
) -> list[Proof]:
    start, end = to_time(page.start), min(to_time(page.end), proven_to)
    if newest is None:
        return [Proof(stream.name, TimeRange(start, end))] if start < end else []
    # a page too recent to prove anything still has a row to test later answers by
    return [Proof(stream.name, TimeRange(start, max(start, end)), newest)]
