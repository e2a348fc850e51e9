"""Reads histories where coverage has gaps."""

import logging
from collections.abc import AsyncGenerator, Callable, Generator, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from functools import partial

from alphapulse_pipeline.datasets import HISTORIES
from alphapulse_pipeline.datasets.values import Row
from alphapulse_pipeline.exchange.errors import ExchangeFailure, Kind, Unreadable
from alphapulse_pipeline.exchange.feed import Page, to_milliseconds, to_time
from alphapulse_pipeline.exchange.parsing import Parsed, parsed, set_ambiguous_apart
from alphapulse_pipeline.exchange.walker import FromId
from alphapulse_pipeline.exchange.walker.known_row import confirm_empty_pages
from alphapulse_pipeline.exchange.walker.too_old import walk_served
from alphapulse_pipeline.exchange.walker.unknown_retention import (
    is_served,
    limit_to_oldest_row,
)
from alphapulse_pipeline.sync.admission import admit
from alphapulse_pipeline.sync.orders import refresh_orders
from alphapulse_pipeline.sync.rejecting import Rejecting, unreadable
from alphapulse_pipeline.sync.rereading import rereading
from alphapulse_pipeline.sync.served import limit_in_words, oldest_served, since
from alphapulse_pipeline.sync.session import Session
from alphapulse_pipeline.sync.share import Share
from alphapulse_pipeline.sync.skipping import without_skipped
from alphapulse_pipeline.sync.streams import Stream, due, streams
from alphapulse_pipeline.warehouse import sync_log, sync_state
from alphapulse_pipeline.warehouse.batches import Batch, Batches, Proof, Rejection, TimeRange
from alphapulse_pipeline.warehouse.history_state import Gap, HistoryState
from alphapulse_pipeline.warehouse.rejected import Rejected

logger = logging.getLogger(__name__)

_STATES = (Kind.NOT_ENABLED, Kind.NOT_OFFERED)
"""What an account does not have, unless it once had rows."""
_CLOSED = "the key may not list it: "
"""How the reason of a list that is closed begins."""
_FAILS_ALL = (Kind.CREDENTIALS, Kind.RESTRICTED, Kind.CLOCK)
"""Failures that would repeat for every stream."""
_EPOCH = datetime.fromtimestamp(0, UTC)
_EXPECTED = timedelta(days=1)
"""Where retention is not documented: a younger row that is no longer returned is suspect."""
_NO_MARKET = "the exchange says that it does not know the market"
"""Of a market that it listed: it was delisted or delivered, or the exchange is mistaken."""
_KNOWN_ROW_EXPIRES = timedelta(days=1)
"""How long a known row that is no longer returned counts as an error of the exchange."""


def history(
    session: Session,
    dataset: str,
    window: TimeRange,
    *,
    fill: bool,
    keep_going: Callable[[], bool] = lambda: True,
) -> Batches:
    """Batches that complete `window`, newest first.

    With `fill` only gaps are read; otherwise everything is read again and compared. Once
    `keep_going` returns False, the next run reads the rest.
    """
    log_id = sync_log.start(session.connection, session.name, dataset, session.run_id)
    before = session.client.requests
    reader = _HistoryReader(session, session.history(dataset), fill, keep_going)
    return Batches(
        session.name,
        dataset,
        reader.batches(window),
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
class _HistoryReader:
    """Reads one history once."""

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
        session.markets  # noqa: B018  load them now; ccxt would use a dozen calls
        every = streams(session, self.dataset)
        known = without_skipped(session, self.dataset, every)
        self._close(every, session.skipped.closed(self.dataset))
        due_streams = due(session, self.state, known)
        now = session.client.now()
        start = history_start(session)
        # Times within the lag do not count as complete, since rows may still appear there. Open
        # orders are read first, so that an order that closes meanwhile is found in the history.
        proven_to = max(start, self._known_up_to(now))
        self.state.want(
            [(s.name, s.reason) for s in due_streams.values()], TimeRange(start, proven_to)
        )
        reread: list[TimeRange] = []
        not_listed: list[Rejection] = []
        if self.dataset == "orders":
            reread, not_listed = yield from refresh_orders(
                session, known.values(), just_ended=window.end >= proven_to
            )
        if self.fill:
            reread += self.state.unsettled()
        end = min(window.end, proven_to if self.state.history.period else now)
        requested = TimeRange(min(max(window.start, start), end), end)
        gaps = [
            reachable
            for gap in self._gaps(due_streams, requested, TimeRange(start, now))
            if (reachable := self._reachable(gap, due_streams[gap.stream], now))
        ]
        # rows that were open or pending when last read may have changed
        gaps += [Gap(name, moment) for moment in reread for name in due_streams]
        yield from self._read_with_rereads(known, due_streams, gaps, proven_to)
        if not_listed:
            raise unreadable(not_listed)

    def _read_with_rereads(
        self,
        known: Mapping[str, Stream],
        due_streams: dict[str, Stream],
        gaps: list[Gap],
        proven_to: datetime,
    ) -> Generator[Batch, None, None]:
        """Read the gaps, and the times of which a row may be missing."""
        read_before = {n: known[n] for n in self.state.streams() if n in known and self.fill}
        again = rereading(self.session, self.dataset, read_before)
        streams = due_streams | {gap.stream: known[gap.stream] for gap in again.gaps}
        ended: dict[Gap, str] = {}
        try:
            yield from self._read(
                streams, list(dict.fromkeys([*gaps, *again.gaps])), proven_to, ended
            )
        except ExchangeFailure:
            again.record(ended)
            raise
        again.record(ended)

    def _known_up_to(self, now: datetime) -> datetime:
        """The exchange's time less the lag; of periods, only those that are over."""
        known, period = now - self.session.venue.lag, self.state.history.period
        return known if period is None else known - (known - _EPOCH) % period

    def _close(self, streams: Mapping[str, Stream], closed: Mapping[str, str]) -> None:
        """Mark the streams that the key may not list as unreachable, and no others: there may be
        rows that it cannot see."""
        session, start = self.session, history_start(self.session)
        self.state.reopen(list(closed), _CLOSED)
        now = session.client.now()
        ever = TimeRange(start, max(start, self._known_up_to(now)))
        now_due = due(session, self.state, {n: streams[n] for n in closed if n in streams})
        self.state.want([(name, closed[name]) for name in now_due], ever)
        # up to now, since the clock of an earlier run may have been ahead
        lost = TimeRange(start, max(start, now))
        for name in now_due:
            self.state.mark_unreachable(name, lost, _CLOSED + closed[name])

    def _read(
        self,
        streams: Mapping[str, Stream],
        gaps: list[Gap],
        proven_to: datetime,
        ended: dict[Gap, str],
    ) -> Generator[Batch, None, None]:
        """Read several streams concurrently. A failed stream does not stop the others.

        `ended` receives the gaps that were read to their end, each with "", and those that could
        not be, each with the reason; all others were not reached.
        """
        session = self.session
        name = f"{session.name}/{self.dataset}"
        walks = {gap: self._walk(streams[gap.stream], gap) for gap in gaps}
        if walks:
            first, last = min(g.missing.start for g in gaps), max(g.missing.end for g in gaps)
            days = f"{first:%Y-%m-%d} to {last:%Y-%m-%d %H:%M}"
            logger.info("%s: reading %s UTC", name, days)
        failures: list[ExchangeFailure] = []
        known = Rejected(session.connection, session.name, self.dataset).known()
        rejecting = Rejecting(known, proven_to)
        given_up: set[Gap] = set()
        answered: set[str] = set()
        read_from = {gap: gap.missing.end for gap in gaps}
        share = Share(gaps)
        with closing(session.client.stream(walks)) as arrivals:
            for items in arrivals:
                # commit everything that has arrived meanwhile together
                rows: list[Row] = []
                streams_of_rows: list[str] = []
                proofs: list[Proof] = []
                rejected: list[Rejection] = []
                read: list[tuple[Gap, Page, Parsed]] = []
                for gap, item in items:
                    stream = streams[gap.stream]
                    if gap in given_up:
                        continue  # later pages would prove the times of the one that failed
                    if isinstance(item, ExchangeFailure):
                        ended[gap] = item.problem
                    if isinstance(item, Page):
                        share.read(gap, item)
                        if gap.stream not in answered:
                            self.state.mark_reachable(gap.stream, _NO_MARKET)
                            answered.add(gap.stream)
                    if isinstance(item, Page) and item.unverified:
                        unproven = TimeRange(to_time(item.start), to_time(item.end))
                        self.state.mark_unreachable(gap.stream, unproven, item.unverified)
                        ended[gap] = item.unverified
                    if isinstance(item, Page):
                        found = parsed(session, self.dataset, stream.source, item.rows)
                        read.append((gap, item, found))
                        read_from[gap] = min(read_from[gap], to_time(item.start))
                    elif not isinstance(item, ExchangeFailure) or item.kind in _FAILS_ALL:
                        ended.clear()
                        raise item
                    elif item.kind is Kind.NO_MARKET and stream.guessed:
                        sync_state.drop_guessed_market(
                            session.connection, session.name, stream.market
                        )
                    elif item.kind is Kind.NO_MARKET and stream.market:
                        # requested again like any quiet market, and reachable once it answers
                        lost = TimeRange(gap.missing.start, read_from[gap])
                        self.state.mark_unreachable(gap.stream, lost, _NO_MARKET)
                        answered.discard(gap.stream)
                    elif item.kind in _STATES and self.state.newest_row(gap.stream) is None:
                        session.skipped.skip_stream(self.dataset, gap.stream, item.problem)
                    else:
                        if item.kind is Kind.SUSPECT:
                            self.state.suspect(gap.stream, _KNOWN_ROW_EXPIRES)
                        logger.warning("%s %s: %s", name, gap.stream, item)
                        failures.append(item)
                set_ambiguous_apart(HISTORIES[self.dataset], [found for *_, found in read])
                for gap, page, found in read:
                    stream = streams[gap.stream]
                    if gap in given_up:
                        continue
                    try:
                        rejected += rejecting.of_page(gap.stream, stream.source.feed, page, found)
                    except Unreadable as failure:
                        logger.warning("%s %s: %s", name, gap.stream, failure)
                        failures.append(failure)
                        given_up.add(gap)
                        ended[gap] = failure.problem
                        continue
                    rows += found.rows
                    streams_of_rows += [gap.stream] * len(found.rows)
                    if not page.unverified:
                        newest = self._newest(stream, page, found.rows)
                        proofs += _proofs(stream, page, newest, proven_to)
                session.store_unlisted()
                yield Batch(rows, proofs, rejected, streams_of_rows, share=share.value)
                if not self.keep_going():
                    logger.info("%s: out of time; the next run reads the rest", name)
                    break
            else:
                ended |= {gap: "" for gap in gaps if gap not in ended}
        if failures:
            raise failures[0]

    def _gaps(
        self, streams: Mapping[str, Stream], requested: TimeRange, ever: TimeRange
    ) -> list[Gap]:
        """The ranges to read, newest first; ranges with the same end in the order of `streams`."""
        if not self.fill:
            return [Gap(stream, requested) for stream in streams]
        # Feeds paged by id continue at the newest stored row, which may be outside `requested`.
        by_id = {name for name, stream in streams.items() if stream.source.id}
        gaps = self.state.gaps(requested)
        if by_id:
            gaps = [gap for gap in gaps if gap.stream not in by_id]
            gaps += [gap for gap in self.state.gaps(ever) if gap.stream in by_id]
        order = {name: place for place, name in enumerate(streams)}
        # gaps of streams that this version does not read stay visible in the coverage
        readable = [gap for gap in gaps if gap.stream in order]
        return sorted(readable, key=lambda gap: (-gap.missing.end.timestamp(), order[gap.stream]))

    def _reachable(self, gap: Gap, stream: Stream, now: datetime) -> Gap | None:
        """The part of a gap that the exchange still serves. Marks the rest unreachable."""
        feed, oldest = stream.source.feed, oldest_served(stream.source.feed, now)
        if oldest and gap.missing.start < oldest:
            lost = TimeRange(gap.missing.start, min(oldest, gap.missing.end))
            self.state.mark_unreachable(gap.stream, lost, limit_in_words(feed, oldest))
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
                served=oldest_served(feed, now),
                unfilled_since=now - session.venue.keeps_unfilled_orders,
            )
            if source.id
            else None
        )
        start, end = to_milliseconds(gap.missing.start), to_milliseconds(gap.missing.end)
        pages = walk_served(session.client.request, feed, start, end, after)
        # a walk that must continue from a stored row needs no other proof
        if not (after and isinstance(feed.paging, FromId)):
            known_row = self._known_row(stream)
            pages = confirm_empty_pages(pages, feed, session.client.request, known_row)
        if source.kept is None:
            return pages
        older = self._older_row(stream, gap)
        return limit_to_oldest_row(
            pages,
            to_milliseconds(now - source.kept),
            to_milliseconds(older) if older else None,
            partial(is_served, session.client.request, feed),
            feed.moment,
        )

    def _older_row(self, stream: Stream, gap: Gap) -> datetime | None:
        """The time of a row that proves the gap if the exchange still returns it: the newest one
        before the gap, else the stream's newest one."""
        newest, start = self.state.newest_row(stream.name), gap.missing.start
        if newest and newest > start:
            older = self.state.newest_time(stream.market, stream.source.wallet, start)
            return older or newest
        return newest

    def _known_row(self, stream: Stream) -> int | None:
        """The time (ms) of a row that the exchange must still return, if any."""
        newest = self.state.newest_row(stream.name)
        source = stream.source
        if source.never_filled:
            served: timedelta | None = self.session.venue.keeps_unfilled_orders
        else:
            served = source.feed.horizon if source.kept is None else max(source.kept, _EXPECTED)
        oldest = since(self.session.client.now(), served) if served else newest
        return to_milliseconds(newest) if newest and oldest and newest >= oldest else None

    def _newest(self, stream: Stream, page: Page, rows: list[Row]) -> datetime | None:
        """The time of the newest row of a page that the exchange will not drop soon."""
        source = stream.source
        served, early = source.feed.horizon, self.session.venue.keeps_unfilled_orders
        # exchanges drop unfilled orders early, and a list of only those says when
        unfilled_only = source.never_filled or bool(served and served <= early)
        if self.dataset == "orders" and not unfilled_only:
            return max((row["created_at"] for row in rows if row["filled"]), default=None)
        newest = max(source.feed.times(page.rows), default=None)
        return None if newest is None else to_time(newest)


def _proofs(
    stream: Stream, page: Page, newest: datetime | None, proven_to: datetime
) -> list[Proof]:
    start, end = to_time(page.start), min(to_time(page.end), proven_to)
    if newest is None:
        return [Proof(stream.name, TimeRange(start, end))] if start < end else []
    # a page within the lag proves no range, but its newest row becomes the known row
    return [Proof(stream.name, TimeRange(start, max(start, end)), newest)]
