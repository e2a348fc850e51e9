"""A list of an exchange as the probe requests it: its answers and their rows."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import islice
from typing import Any

from alphapulse_pipeline.datasets import HISTORIES
from alphapulse_pipeline.datasets.values import Row
from alphapulse_pipeline.exchange.client import ExchangeClient
from alphapulse_pipeline.exchange.errors import ExchangeFailure, Unreadable
from alphapulse_pipeline.exchange.feed import (
    MARGIN,
    MILLISECOND,
    Feed,
    Paging,
    Raw,
    to_milliseconds,
)
from alphapulse_pipeline.exchange.markets import Markets
from alphapulse_pipeline.exchange.parsing import parsed
from alphapulse_pipeline.exchange.venues import Source
from alphapulse_pipeline.exchange.walker import (
    Counted,
    Cursor,
    FromId,
    FromIdOrWindows,
    Windows,
)
from alphapulse_pipeline.exchange.walker.enriched import Enriched
from alphapulse_pipeline.exchange.walker.ids import FIRST

_FAR = timedelta(days=730)
"""How far back windows are looked for where the retention is unlimited."""
Window = tuple[int, int]
"""First and last millisecond."""


@dataclass(frozen=True)
class Reading:
    """What rows are read with."""

    name: str
    client: ExchangeClient
    markets: Markets


@dataclass(frozen=True)
class Known:
    """Times (ms) of rows that the database has of a list; None if it has none."""

    oldest: int | None = None
    newest: int | None = None


@dataclass(frozen=True, eq=False)
class Answer:
    raw: Any
    rows: list[Raw]
    at: int
    """The exchange's time when it was requested, in milliseconds."""
    window: Window | None = None
    """What was requested, in milliseconds."""


@dataclass(eq=False)
class Listing:
    """One source of a venue. Every request may raise `ExchangeFailure`."""

    dataset: str
    stream: str
    source: Source
    """Narrowed to one market, if it is listed per market."""
    reading: Reading
    lag: timedelta
    """How late rows may appear."""
    known: Known = field(default_factory=Known)
    answers: list[Answer] = field(default_factory=list)
    """Answers to requests as a sync sends them."""
    _keys: dict[str, str] = field(default_factory=dict)
    """A row's JSON -> its key."""

    @property
    def name(self) -> str:
        return f"{self.dataset}/{self.stream}"

    @property
    def feed(self) -> Feed:
        return self.source.feed

    @property
    def paging(self) -> Paging:
        """How the list itself is paged, whatever else a sync does with its pages."""
        match self.feed.paging:
            case Enriched(paging=paging):
                return paging
            case FromIdOrWindows(ids=ids):
                return ids
            case paging:
                return paging

    @property
    def sample(self) -> Answer:
        """The answer with the most rows."""
        return max(self.answers, key=lambda answer: len(answer.rows))

    @property
    def takes_windows(self) -> bool:
        return bool(self.feed.between(0, 1))

    @property
    def takes_limit(self) -> bool:
        return self.feed.limit in self.feed.params

    @property
    def margin(self) -> int:
        """Milliseconds by which a sync widens windows."""
        return self.paging.margin if isinstance(self.paging, Windows) else MARGIN

    def now(self) -> int:
        return to_milliseconds(self.reading.client.now())

    # -- requests ----------------------------------------------------------------------------

    def ask(self, window: Window | None = None, /, **params: Any) -> Answer:
        """One request; a parameter that is None is left out."""
        feed, client, at = self.feed, self.reading.client, self.now()
        sent = {**feed.params, **(feed.between(*window) if window else {}), **params}
        sent = {name: value for name, value in sent.items() if value is not None}
        raw = client.run(client.request, feed.method, sent)
        rows = feed.rows(raw)
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise Unreadable(f"the answer of {feed.method} has no list of rows")
        return Answer(raw, rows, at, window)

    def look(self) -> bool:
        """Add the answer of another window, each further back than the one before; of lists without
        windows, the first answer. Returns whether there was anything left to look at."""
        if isinstance(self.paging, FromId):
            if not self.answers:
                self.answers.append(self.ask(**{self.paging.param: FIRST}))
                return True
        elif not self.takes_windows:
            if not self.answers:
                self.answers.append(self.ask())
                return True
        else:
            # the newest, and those one, three, seven, ... windows before it
            place = 2 ** len(self.answers) - 1
            for window in islice(self._windows(), place, place + 1):
                self.answers.append(self.ask(window))
                return True
        return False

    def _windows(self) -> Iterator[Window]:
        """The windows that a sync would request, newest first."""
        end = now = self.answers[0].at if self.answers else self.now()
        length = self.feed.window or timedelta(days=90)
        if self.known.newest is not None and now - self.known.newest > length // MILLISECOND:
            end = self.known.newest + self.margin
        horizon = self.feed.horizon or _FAR
        start = now - horizon // MILLISECOND + 3_600_000
        for begin, stop in self.feed.windows(start, end - self.margin, self.margin):
            yield begin - self.margin, stop - 1 + self.margin

    # -- rows --------------------------------------------------------------------------------

    def time(self, row: Raw) -> int:
        """A row's time; 0 if it has none."""
        return self.feed.time(row) or 0

    def times(self, rows: Iterable[Raw]) -> list[int]:
        """The times of the rows that have one."""
        return [time for time in map(self.time, rows) if time]

    def keys(self, rows: Sequence[Raw]) -> list[str]:
        """What identifies each row: its key in the table, or else its content."""
        return [self._key(row) for row in rows]

    def _key(self, row: Raw) -> str:
        content = json.dumps(row, sort_keys=True, default=str)
        if content not in self._keys:
            try:
                found = self.read(row)
            except ExchangeFailure:
                found = None
            names = [name for name in HISTORIES[self.dataset].key if name != "account"]
            self._keys[content] = repr([found.get(name) for name in names]) if found else content
        return self._keys[content]

    def read(self, row: Raw) -> Row | None:
        """The row of the table; None if the row belongs to another dataset."""

        async def read() -> list[Row]:
            found = parsed(self.reading, self.dataset, self.source, [row])
            if found.unread:
                raise Unreadable(found.unread[0].reason)
            return found.rows

        # through the client, which turns every error of ccxt into an `ExchangeFailure`
        return next(iter(self.reading.client.run(read)), None)

    def completed(self, rows: list[Raw]) -> list[Raw]:
        """The rows with what a sync adds to them by a second request."""
        paging, client = self.feed.paging, self.reading.client
        if not rows or not isinstance(paging, Enriched):
            return rows
        found: list[Raw] = client.run(paging.complete, client.request, rows, [])
        return found

    def unseen(self, rows: Sequence[Raw], *seen: Answer) -> list[Raw]:
        """The rows that none of the answers has."""
        known = {key for answer in seen for key in self.keys(answer.rows)}
        return [row for row, key in zip(rows, self.keys(rows), strict=True) if key not in known]

    # -- what an answer says about itself ------------------------------------------------------

    def following(self, answer: Answer) -> str:
        """The cursor of the next page; empty if there is none."""
        paging = self.paging
        assert isinstance(paging, Cursor)
        return str(paging.next(answer.raw, answer.rows) or "")

    def total(self, answer: Answer) -> int | None:
        """The number of rows that the answer counts."""
        paging = self.paging
        assert isinstance(paging, Counted)
        stated = paging.count(answer.raw)
        return int(stated) if str(stated).isdigit() else None
