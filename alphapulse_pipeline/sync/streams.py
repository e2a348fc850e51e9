"""The streams of a history, i.e. what must be read for it to be complete.

Most exchanges list a history per kind of market. Some list it per market; then every current or
former market is a stream, since any may have fills. Markets with activity or holdings are read in
every run, the others once a day, or once a week if trading is halted or has ended there. Lists in
which rows hardly ever appear are read once a day as well. All of them are read once more after the
first snapshot: what was held before the first row is calculated from it, and no profit is final
until then.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from alphapulse_pipeline.exchange.venues import Source
from alphapulse_pipeline.sync.price_markets import price_markets
from alphapulse_pipeline.sync.session import Session
from alphapulse_pipeline.warehouse import sync_state
from alphapulse_pipeline.warehouse.history_state import HistoryState

_QUIET_INTERVAL = timedelta(days=1)
"""How often the other markets are read."""
_HALTED_INTERVAL = timedelta(days=7)
"""How often markets without trading are read."""
_COMPARED_OVER = timedelta(minutes=2)
"""How far apart a balance and the row that explains it may be: see `portfolio.finality`."""


@dataclass(frozen=True)
class Stream:
    name: str
    source: Source
    """Narrowed to the stream's market, if it has one."""
    reason: str
    """Why the stream is read."""
    market: str = ""
    guessed: bool = False
    """Whether the market may never have existed."""
    halted: bool = False
    """Whether trading in the market is halted or has ended."""


def streams(session: Session, dataset: str) -> dict[str, Stream]:
    """All streams of a history, by name."""
    by_name: dict[str, Stream] = {}
    for name, source in session.venue.histories[dataset].items():
        if source.per_market:
            by_name |= {stream.name: stream for stream in _per_market(session, name, source)}
        elif _is_in_use(session, source):
            by_name[name] = Stream(name, source, "the exchange")
    return by_name


def _is_in_use(session: Session, source: Source) -> bool:
    place = session.connection, session.name, source.wallet
    if source.once_used and not sync_state.used(*place):
        return False
    return not source.once_booked or sync_state.booked(*place, source.once_booked)


def due(session: Session, state: HistoryState, known: Mapping[str, Stream]) -> dict[str, Stream]:
    """The streams that this run reads, relevant markets first."""
    if all(not stream.market and not stream.source.daily for stream in known.values()):
        return dict(known)
    read_until = state.read_until()
    by_market = any(stream.market for stream in known.values())
    relevant = {"", *relevant_markets(session)} if by_market else {""}
    now = session.client.now()
    opened = sync_state.first_snapshots(session.connection, session.name)
    first = {
        name: stream
        for name, stream in known.items()
        if stream.market in relevant and not stream.source.daily
    }
    rest = {
        name: s
        for name, s in known.items()
        if name not in first
        and (
            name not in read_until
            or now - read_until[name] > (_HALTED_INTERVAL if s.halted else _QUIET_INTERVAL)
            or (opened is not None and read_until[name] <= opened + _COMPARED_OVER)
        )
    }
    return first | rest


def relevant_sources(session: Session, source: Source) -> list[Source]:
    """A source, or one source per relevant market if it is read per market."""
    if not source.per_market:
        return [source]
    relevant = relevant_markets(session)
    return [s.source for s in _per_market(session, "", source) if s.market in relevant]


def _per_market(session: Session, name: str, source: Source) -> Iterator[Stream]:
    listed = session.markets.exchange.markets
    traded = (
        sync_state.traded_markets(session.connection, session.name)
        if source.listed_for or source.traded_in
        else set()
    )
    known = sync_state.markets(session.connection, session.name)
    pricing = price_markets(session, known) if source.for_prices else None
    for market in known:
        if pricing is not None and market.market not in pricing:
            continue
        if source.traded_in not in ("", market.quote):
            continue
        details = listed.get(market.market, {})
        narrowed_down = source.listed_for or source.traded_in
        wanted = not narrowed_down or details.get(source.listed_for) or market.market in traded
        if market.category == source.category and wanted:
            name_or_id = session.markets.symbol(market.market) if source.by_name else market.raw_id
            params = {**source.feed.params, source.per_market: name_or_id}
            narrowed = replace(source, feed=replace(source.feed, params=params), only=market.market)
            reason = "a market that may have been listed" if market.guessed else "a market"
            if pricing is not None:
                reason = "a market that prices what the account held"
            yield Stream(
                f"{name} {market.market}",
                narrowed,
                reason,
                market.market,
                guessed=market.guessed,
                halted=not market.active,
            )


def relevant_markets(session: Session) -> set[str]:
    """Markets that were traded, are held, or may have been traded with the assets held; without
    options that have expired, in which nothing happens any more."""
    traded = sync_state.traded_markets(session.connection, session.name)
    assets, held = sync_state.held(session.connection, session.name)
    markets = sync_state.markets(session.connection, session.name)
    quotes = assets | {market.quote for market in markets if market.market in traded}
    possible = {m.market for m in markets if m.active and m.base in assets and m.quote in quotes}
    now = session.client.now()
    over = {m.market for m in markets if m.category == "option" and _has_expired(m.market, now)}
    return (traded | held | possible) - over


def _has_expired(option: str, now: datetime) -> bool:
    """Whether an option expired on the day before yesterday or earlier, by its name
    (BTC/USDT:USDT-260626-90000-C)."""
    _, _, terms = option.partition("-")
    try:
        day = datetime.strptime(terms[:6], "%y%m%d").replace(tzinfo=UTC)
    except ValueError:  # a name of another form
        return False
    return now - day > 2 * _QUIET_INTERVAL
