"""What must be walked for a history to be whole: its streams.

Most exchanges list a history per kind of market. Some list it for one market at a time: there every
market that the exchange has, or ever had, is a stream, for a fill may be on any of them. Those that
show life are asked in every run, the others once a day.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

from alphapulse_pipeline.exchange.venues import Source
from alphapulse_pipeline.sync.session import Session
from alphapulse_pipeline.warehouse import sync_state
from alphapulse_pipeline.warehouse.history_state import HistoryState

_QUIET = timedelta(days=1)
"""How long a market without life is left alone."""


@dataclass(frozen=True)
class Stream:
    name: str
    source: Source
    """Narrowed down to the stream's market, where it has one."""
    found: str
    """Why it is walked."""
    market: str = ""
    guessed: bool = False
    """Whether the exchange may say that it has no such market, and never had."""


def streams(session: Session, dataset: str) -> dict[str, Stream]:
    """All streams of a history, by name."""
    found: dict[str, Stream] = {}
    for name, source in session.venue.histories[dataset].items():
        if source.per_market:
            found |= {stream.name: stream for stream in _per_market(session, name, source)}
        else:
            found[name] = Stream(name, source, "the exchange")
    return found


def due(session: Session, state: HistoryState, found: Mapping[str, Stream]) -> dict[str, Stream]:
    """Those of them that this run asks, the liveliest first."""
    if all(not stream.market for stream in found.values()):
        return dict(found)
    asked = state.read_until()
    lively = _lively(session)
    now = session.client.now()
    first = {name: s for name, s in found.items() if not s.market or s.market in lively}
    rest = {
        name: s
        for name, s in found.items()
        if name not in first and (name not in asked or now - asked[name] > _QUIET)
    }
    return first | rest


def of_lively_markets(session: Session, source: Source) -> list[Source]:
    """A source of what is now, once for each market where there may be something."""
    if not source.per_market:
        return [source]
    lively = _lively(session)
    return [stream.source for stream in _per_market(session, "", source) if stream.market in lively]


def _per_market(session: Session, name: str, source: Source) -> Iterator[Stream]:
    listed = session.markets.exchange.markets
    traded = (
        sync_state.traded_markets(session.connection, session.name) if source.listed_for else set()
    )
    for market in sync_state.markets(session.connection, session.name):
        there = listed.get(market.market, {})
        wanted = not source.listed_for or there.get(source.listed_for) or market.market in traded
        if market.category == source.category and wanted:
            asked = session.markets.symbol(market.market) if source.by_name else market.raw_id
            params = {**source.feed.params, source.per_market: asked}
            narrowed = replace(source, feed=replace(source.feed, params=params))
            found = "a market that may have been listed once" if market.guessed else "a market"
            yield Stream(f"{name} {market.market}", narrowed, found, market.market, market.guessed)


def _lively(session: Session) -> set[str]:
    """Markets that were traded, are held, or could have been traded with what is held."""
    traded = sync_state.traded_markets(session.connection, session.name)
    assets, held = sync_state.held(session.connection, session.name)
    markets = sync_state.markets(session.connection, session.name)
    quotes = assets | {market.quote for market in markets if market.market in traded}
    possible = {m.market for m in markets if m.active and m.base in assets and m.quote in quotes}
    return traded | held | possible
