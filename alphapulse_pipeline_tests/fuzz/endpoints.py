"""Every endpoint that the venues read, taken from their own data: a new one is fuzzed by itself."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

import pytest

from alphapulse_pipeline.exchange.books import BookTotals
from alphapulse_pipeline.exchange.errors import MISREAD, ExchangeFailure, Kind, Unreadable
from alphapulse_pipeline.exchange.feed import Feed, Page, Raw
from alphapulse_pipeline.exchange.parsing import parsed
from alphapulse_pipeline.exchange.rights import rights_of
from alphapulse_pipeline.exchange.sub_accounts import SubAccounts
from alphapulse_pipeline.exchange.venues import VENUES, Source
from alphapulse_pipeline.exchange.walker import FromId, FromIdOrWindows
from alphapulse_pipeline.sync.session import Session
from alphapulse_pipeline.sync.snapshots import _read
from alphapulse_pipeline.sync.streams import streams
from alphapulse_pipeline.warehouse import sync_state
from alphapulse_pipeline_tests.conftest import GENESIS, NOW_MS
from alphapulse_pipeline_tests.fuzz.proxy import Request
from alphapulse_pipeline_tests.fuzz.stage import EXCHANGES, Stage
from exchange_simulator.keys import DEMO_UID

_ROWS = 6
"""Rows of the window that is read: enough to be mixed up, and few enough to be read fast."""
_LEARNT_FROM = 60
_RECENT = 3 * 86_400_000
"""Milliseconds, in which most histories have enough rows."""
_ASKED = ("rights", "account_type", "products", "closed_streams", "margin_mode", "formerly_listed")
"""What a venue asks about the account itself."""
Row = dict[str, Any]


@dataclass(frozen=True)
class Endpoint:
    exchange: str
    name: str
    """The dataset, or what is asked for; then ccxt's method or the wallet."""
    read: Callable[[Stage], Any] | None = None
    """Reads an answer that is no history."""
    dataset: str = ""
    streams: tuple[str, ...] = ()
    """Of a history: the sources that share the endpoint and a parser."""

    def __str__(self) -> str:
        return f"{self.exchange} {self.name}"


@dataclass
class Walked:
    """What a walk through a history returned."""

    pages: list[Page]
    answered: list[Raw]
    """The rows of every answer of the endpoint."""
    due: list[Raw]
    """Those of the window, of the last answer to each request: a walk that restarts asks again."""


@dataclass
class History:
    """A history, as its unchanged answers show it."""

    source: Source
    start: int
    end: int
    rows: dict[str, Row | None] = field(default_factory=dict)
    """Row of the exchange -> row of the table; None if it belongs to another dataset."""
    figures: dict[str, set[tuple[str, int]]] = field(default_factory=dict)
    """Column -> (field of the exchange's row that it is always equal to, sign)."""
    read: dict[str, tuple[Row | None, str]] = field(default_factory=dict)
    """What `row_of` said of the rows of this block of examples: most are the same in all."""
    blank: set[str] = field(default_factory=set)
    """Columns that may be blank whatever the field says, e.g. the price of a market order."""


def endpoints() -> Iterator[Endpoint]:
    for exchange in EXCHANGES:
        venue = VENUES[exchange]
        for dataset, sources in venue.histories.items():
            groups: dict[tuple[str, str], list[str]] = {}
            for name, source in sources.items():
                groups.setdefault((source.feed.method, source.parse), []).append(name)
            for (method, _), names in groups.items():
                yield Endpoint(
                    exchange, f"{dataset} {method}", dataset=dataset, streams=tuple(names)
                )
        for role in ("positions", "open_orders", "ended_orders"):
            for method in dict.fromkeys(source.feed.method for source in getattr(venue, role)):
                yield Endpoint(exchange, f"{role} {method}", _list(role, method))
        yield Endpoint(exchange, "order_by_id", _order_by_id)
        for wallet in venue.wallets:
            yield Endpoint(exchange, f"balances {wallet.name}", _balances(wallet.name))
        for category in venue.tickers:
            yield Endpoint(exchange, f"prices {category}", _prices(category))
        for question in _ASKED:
            if getattr(venue, question):
                yield Endpoint(exchange, question, _ask(question))
        for listed in ("books", "sub_accounts"):
            if asked := getattr(venue, listed):
                yield Endpoint(exchange, listed, _ask_all(asked))
        yield Endpoint(exchange, "markets", _markets)
        yield Endpoint(exchange, "time", _time)


def walk(stage: Stage, source: Source, start: int, end: int) -> Walked:
    """Raises `ExchangeFailure`."""
    feed, client, answers = source.feed, stage.session.client, list[Any]()
    last: dict[str, Any] = {}  # a walk that restarts asks for the same again

    async def call(method: str, params: Mapping[str, Any]) -> Any:
        answer = await client.request(method, params)
        if method == feed.method:
            answers.append(answer)
            last[repr(params)] = answer
        return answer

    async def pages() -> list[Page]:
        return [page async for page in feed.paging.walk(call, feed, start, end, None)]

    found = client.run(pages)
    listed = undisputed(feed, [_rows(feed, answer) for answer in last.values()])
    if isinstance(feed.paging, FromId | FromIdOrWindows):
        # what follows begins with the row that it was requested from, and is not older
        listed = [
            rows if not place else rows[1:] if any(_due(feed, rows[:1], start, end)) else []
            for place, rows in enumerate(listed)
        ]
    return Walked(
        found,
        [row for answer in answers for row in _rows(feed, answer)],
        [row for rows in listed for row in _due(feed, rows, start, end)],
    )


def in_window(known: History, answer: Any) -> list[Raw]:
    """The rows of an answer that are of the window."""
    feed = known.source.feed
    return list(_due(feed, _rows(feed, answer), known.start, known.end))


def undisputed(feed: Feed, answers: list[list[Raw]]) -> list[list[Raw]]:
    """The answers without the rows that another one lists otherwise, since one of them is wrong:
    what a request returns from beside its window need not count."""
    timed = [[(feed.moment(row), row) for row in rows] for rows in answers]
    by_time = [defaultdict[int, list[Raw]](list) for _ in answers]
    for own, pairs in zip(by_time, timed, strict=True):
        for time, row in pairs:
            if time is not None:
                own[time].append(row)
    return [
        [
            row
            for time, row in pairs
            if not any(
                row not in others.get(time or 0, [row])
                for place, others in enumerate(by_time)
                if place != own
            )
        ]
        for own, pairs in enumerate(timed)
    ]


def is_of_other(feed: Feed, row: Raw, body: bytes) -> bool:
    """Whether a row names a different user than the key's, who may be changed in an answer: a main
    account's list has transfers between two others."""
    names_other = getattr(feed.paging, "is_of_other", None)
    stated = re.search(rb'"userID": ?"?(\d+)', body)
    own = stated[1].decode() if stated else str(DEMO_UID)
    return bool(names_other and names_other(row, own))


def is_answered(answered: Any, row: Any) -> bool:
    """Whether a row is the one that was answered, perhaps completed by a second request."""
    if not isinstance(answered, dict):
        return bool(answered == row)
    return all(row.get(name) == value for name, value in answered.items())


def _due(feed: Feed, rows: list[Raw], start: int, end: int) -> Iterator[Raw]:
    """The rows of the window. One without a time is of it unless the row that comes next is not."""
    time: int | None = start
    for row in reversed(rows):
        time = found if (found := feed.moment(row)) is not None else time
        if time is None or start <= time < end:
            yield row


def row_of(stage: Stage, dataset: str, source: Source, raw: Raw) -> tuple[Row | None, str]:
    """The row of the table, and why it was rejected. Neither if it is of another dataset."""
    found = parsed(stage.session, dataset, source, [raw])
    assert len(found.rows) + len(found.unread) <= 1
    if found.unread:
        return None, found.unread[0].reason
    return (found.rows[0] if found.rows else None), ""


def read_once(stage: Stage, endpoint: Endpoint, known: History, raw: Raw) -> tuple[Row | None, str]:
    """As `row_of`, which is asked once of rows that are the same."""
    name = identity(raw)
    if name not in known.read:
        known.read[name] = row_of(stage, endpoint.dataset, known.source, raw)
    return known.read[name]


def learn(stage: Stage, endpoint: Endpoint) -> History:
    """The history with the most rows of those at an endpoint, and a window in its middle."""
    best: tuple[Source, list[Raw]] | None = None
    for start in (NOW_MS - _RECENT, int(GENESIS.timestamp() * 1000)):
        for source in _sources(stage.session, endpoint):
            rows = _listed(stage, source, start)
            if best is None or len(rows) > len(best[1]):
                best = source, rows
            if len(rows) > _ROWS:
                break
        if best and len(best[1]) > _ROWS:
            break
    assert best is not None
    source, rows = best[0], best[1][:_LEARNT_FROM]
    pairs = [(row, row_of(stage, endpoint.dataset, source, row)) for row in rows]
    times = sorted(source.feed.times(rows))
    end = NOW_MS
    if times:
        first = max(0, len(times) // 2 - _ROWS // 2)
        start, end = times[first], times[min(first + _ROWS, len(times)) - 1] + 1
    known = History(source, start, end)
    for raw, (row, reason) in pairs:
        assert not reason, reason
        known.rows[identity(raw)] = row
    known.figures = _figures([(raw, row) for raw, (row, _) in pairs if row])
    stored = [row for _, (row, _) in pairs if row]
    known.blank = {name for row in stored for name, value in row.items() if value is None}
    return known


def _listed(stage: Stage, source: Source, start: int) -> list[Raw]:
    try:
        found = walk(stage, source, start, NOW_MS)
    except ExchangeFailure as failure:
        if failure.kind is not Kind.NO_MARKET:  # of a market that may never have existed
            raise
        return []
    return [row for page in found.pages for row in page.rows]


def identity(raw: Raw) -> str:
    return repr(sorted((str(name), repr(value)) for name, value in raw.items()))


def figure(raw: Raw, name: str) -> Decimal | None:
    """A number of the exchange's row; None if it is blank or none, or endless."""
    try:
        found = Decimal(str(raw.get(name)))
    except InvalidOperation:
        return None
    return found if found.is_finite() and abs(found.adjusted()) < 1000 else None


def requests(stage: Stage) -> list[tuple[Request, bytes]]:
    """What was asked for since the reset, and the unchanged answers."""
    unique = dict.fromkeys(stage.proxy.interference.asked)
    return [(request, stage.proxy.answers[request].body) for request in unique]


def _sources(session: Session, endpoint: Endpoint) -> Iterator[Source]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sync_state, "ever_held", lambda *_: {"BTC", "ETH"})  # their candles are read
        for once in ("used", "booked"):  # lists of what was once used are read
            patch.setattr(sync_state, once, lambda *_: True)
        found = streams(session, endpoint.dataset)
    for name, stream in found.items():
        if any(
            name == of or (name.startswith(f"{of} ") and stream.market) for of in endpoint.streams
        ):
            yield stream.source


def _rows(feed: Feed, answer: Any) -> list[Raw]:
    try:
        return feed.read(answer)
    except (Unreadable, *MISREAD):
        return []


def _figures(pairs: list[tuple[Raw, Row]]) -> dict[str, set[tuple[str, int]]]:
    found: dict[str, set[tuple[str, int]]] = {}
    for column in pairs[0][1] if pairs else ():
        values = [(raw, row[column]) for raw, row in pairs if isinstance(row[column], Decimal)]
        if len({value for _, value in values}) < 5:
            continue
        found[column] = {
            (name, sign)
            for name in values[0][0]
            for sign in (1, -1)
            if all(figure(raw, name) == sign * value for raw, value in values)
        }
    return {column: fields for column, fields in found.items() if fields}


def _list(role: str, method: str) -> Callable[[Stage], Any]:
    def read(stage: Stage) -> Any:
        session = stage.session
        if (role, method) not in stage.learnt:
            lists = [
                (source, session.client.run(source.feed.everything, session.client.request))
                for source in getattr(session.venue, role)
                if source.feed.method == method
            ]
            stage.learnt[role, method] = max(lists, key=lambda pair: len(pair[1]))[0]
            stage.proxy.interference.asked.clear()
        source = stage.learnt[role, method]
        if role == "positions":
            session.venue = replace(session.venue, positions=(source,))
            return list(_read(session, "positions"))
        listed = session.client.run(source.feed.everything, session.client.request)
        return parsed(session, "orders", source, listed)

    return read


def _order_by_id(stage: Stage) -> Any:
    """Where an open order is looked up; the first place that knows it."""
    session = stage.session
    if "order" not in stage.learnt:
        stage.learnt["order"] = next(
            (source, raw)
            for source in session.venue.open_orders
            for raw in session.client.run(source.feed.everything, session.client.request)
        )
        stage.proxy.interference.asked.clear()
    source, raw = stage.learnt["order"]
    (row,) = parsed(session, "orders", source, [raw]).rows
    for place in session.venue.order_by_id(source.category, raw[source.market], row["order_id"]):
        try:
            listed = session.client.run(place.feed.everything, session.client.request)
        except ExchangeFailure as failure:
            if failure.kind not in (Kind.NOT_FOUND, Kind.NO_MARKET):
                raise
        else:
            return parsed(session, "orders", place, listed)
    return None


def _balances(wallet: str) -> Callable[[Stage], Any]:
    def read(stage: Stage) -> Any:
        session = stage.session
        wallets = tuple(w for w in session.venue.wallets if w.name == wallet)
        session.venue = replace(session.venue, wallets=wallets)
        return list(_read(session, "balances"))

    return read


def _prices(category: str) -> Callable[[Stage], Any]:
    def read(stage: Stage) -> Any:
        session = stage.session
        tickers = {category: session.venue.tickers[category]}
        session.venue = replace(session.venue, tickers=tickers)
        listed = [m for m in session.client.ccxt.markets.values() if m.get(category)]
        names = {session.markets.name(market) for market in listed}
        session.held = {"assets": {"BTC", "ETH"}, "markets": set(sorted(names)[:5])}
        return list(_read(session, "prices"))

    return read


def _ask(question: str) -> Callable[[Stage], Any]:
    def read(stage: Stage) -> Any:
        client, ask = stage.session.client, getattr(stage.session.venue, question)
        if question == "rights":
            return client.run(rights_of, stage.session.account, ask, client.request)
        return client.run(ask, client.request)

    return read


def _ask_all(asked: BookTotals | SubAccounts) -> Callable[[Stage], Any]:
    def read(stage: Stage) -> Any:
        return stage.session.client.run(asked.ask, stage.session.client.request)

    return read


def _markets(stage: Stage) -> Any:
    client, markets = stage.session.client, stage.session.markets
    before, names = dict(vars(client.ccxt)), dict(markets._names)
    options = dict(client.ccxt.options)
    try:
        catalogue = client.load_markets()
        client.restore_markets(catalogue)
        return markets.listed(datetime.now(UTC))
    finally:
        vars(client.ccxt).update(before)
        client.ccxt.options, markets._names = options, names


def _time(stage: Stage) -> Any:
    client = stage.session.client
    before, client._clock = client._clock, None
    try:
        return client.now()
    finally:
        client._clock = before


__all__ = ["Endpoint", "History", "endpoints", "learn", "walk"]
