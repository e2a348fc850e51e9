"""Reads times again of which a row may be missing: see `portfolio/rereads.py`.

Coverage stays as it is: these times are proven, and what the exchange no longer serves could not be
proven again.
"""

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from alphapulse_pipeline.sync.served import limit_in_words, oldest_served
from alphapulse_pipeline.sync.session import Session
from alphapulse_pipeline.sync.streams import Stream, relevant_markets
from alphapulse_pipeline.warehouse import sync_state
from alphapulse_pipeline.warehouse.batches import TimeRange
from alphapulse_pipeline.warehouse.history_state import Gap
from alphapulse_pipeline.warehouse.rereads import Reread, Rereads

logger = logging.getLogger(__name__)

_MOST = 40
"""How many times of streams one run reads again; the next run reads the rest."""


@dataclass(frozen=True)
class Asking:
    """A time that a run reads again, as gaps of its streams."""

    reread: Reread
    gaps: tuple[Gap, ...]
    outcome: str
    """What cannot be read again, and why."""


@dataclass(frozen=True)
class Rereading:
    """What one run reads again of one history."""

    rereads: Rereads
    asking: tuple[Asking, ...]

    @property
    def gaps(self) -> list[Gap]:
        return list(dict.fromkeys(gap for asking in self.asking for gap in asking.gaps))

    def record(self, ended: Mapping[Gap, str]) -> None:
        """Record what became of the gaps: "" of one that was read to its end, else why it could not
        be. One that is left out was not reached, and the next run reads it."""
        for asking in self.asking:
            problems = sorted({ended[gap] for gap in asking.gaps if ended.get(gap)})
            if problems:
                self.rereads.failed(asking.reread, "; ".join(problems))
            elif all(gap in ended for gap in asking.gaps):
                self.rereads.asked(asking.reread, asking.outcome)


def rereading(session: Session, dataset: str, known: Mapping[str, Stream]) -> Rereading:
    """What is due, of the streams that may list the missing row. `known` are those that were read
    before; what none of them can bring is recorded at once."""
    if not known:
        return Rereading(Rereads(session.connection, session.name, dataset), ())
    rereads = Rereads(session.connection, session.name, dataset)
    asking: list[Asking] = []
    for reread in rereads.due():
        one = _asking(session, rereads, reread, known)
        if not one.gaps:
            rereads.asked(reread, one.outcome or "no list of the exchange has rows of it")
            continue
        if asking and sum(len(a.gaps) for a in asking) + len(one.gaps) > _MOST:
            break
        asking.append(one)
        logger.info(
            "%s/%s: reading %s to %s again, %s",
            session.name,
            dataset,
            f"{reread.times.start:%Y-%m-%d %H:%M:%S}",
            f"{reread.times.end:%Y-%m-%d %H:%M:%S}",
            reread.reason,
        )
    return Rereading(rereads, tuple(asking))


def _asking(
    session: Session,
    rereads: Rereads,
    reread: Reread,
    known: Mapping[str, Stream],
) -> Asking:
    now = session.client.now()
    imported = rereads.imported(reread.times)
    gaps, reasons = [], []
    for stream in _listing(session, reread, known):
        if stream.name in imported:
            # the exchange may list the imported rows under other ids
            reasons.append(f"{stream.name} is imported from a file")
            continue
        feed = stream.source.feed
        oldest = oldest_served(feed, now)
        start, end = reread.times.start, min(reread.times.end, now)
        if oldest and start < oldest:
            reasons.append(f"{stream.name}: {limit_in_words(feed, oldest)}")
            start = oldest
        if start < end:
            gaps.append(Gap(stream.name, TimeRange(start, end)))
    return Asking(reread, tuple(gaps), "; ".join(dict.fromkeys(reasons)))


def _listing(session: Session, reread: Reread, known: Mapping[str, Stream]) -> Iterator[Stream]:
    """The streams that may list the missing row. A list may have the rows of several wallets."""
    markets = {m.market: m for m in sync_state.markets(session.connection, session.name)}
    listed_in = markets.get(reread.listed_in)
    per_market = any(stream.market for stream in known.values())
    relevant = relevant_markets(session) if per_market and not reread.listed_in else set()
    for stream in known.values():
        source = stream.source
        if listed_in and source.category and source.category != listed_in.category:
            continue
        if stream.market and reread.listed_in:
            if stream.market == reread.listed_in:
                yield stream
        elif stream.market:
            market = markets.get(stream.market)
            if market and stream.market in relevant and reread.asset in (market.base, market.quote):
                yield stream
        else:
            yield stream
