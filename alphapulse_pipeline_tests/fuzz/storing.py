"""Syncs a history with many changed answers at once, each as a stream of its own.

The ids of a stream's rows begin with its name, so that rows of different streams do not meet.
"""

from collections.abc import AsyncGenerator, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.datasets import HISTORIES
from alphapulse_pipeline.exchange.errors import ExchangeFailure
from alphapulse_pipeline.exchange.feed import Raw, to_time
from alphapulse_pipeline.exchange.kind import FINAL
from alphapulse_pipeline.exchange.venues import Source
from alphapulse_pipeline.settings import redaction
from alphapulse_pipeline.sync.histories import history
from alphapulse_pipeline.warehouse.batches import TimeRange
from alphapulse_pipeline.warehouse.writer import write
from alphapulse_pipeline_tests.fuzz.attack import Case, described
from alphapulse_pipeline_tests.fuzz.endpoints import Endpoint, History, Row, in_window
from alphapulse_pipeline_tests.fuzz.proxy import Interference, Request
from alphapulse_pipeline_tests.fuzz.shortcut import INTERFERENCE
from alphapulse_pipeline_tests.fuzz.stage import Stage

_BOOKS = ("coverage", "streams", "rejected", "sync_log", "suspects", "skipped")


@dataclass(eq=False)
class Example:
    """A stream, and what became of it."""

    case: Case
    stream: str
    id: str
    """The column with the ids of rows."""
    source: Source
    interference: Interference = field(init=False)
    answers: dict[str, list[Raw]] = field(default_factory=dict)
    """Request -> the rows of the window in its last answer: a walk that restarts asks again."""
    paged: list[Raw] = field(default_factory=list)
    """The rows of all pages."""
    failure: Exception | None = None
    ended: bool = False
    uncommitted: int = 0
    """Pages that were read and not yet committed."""

    def __post_init__(self) -> None:
        self.interference = self.case.interference()

    def named(self, row: Row) -> Row:
        """The row with an id that no other stream has."""
        found = row[self.id]
        return {**row, self.id: f"{self.stream} {found}"} if isinstance(found, str | int) else row

    @property
    def finished(self) -> bool:
        return self.ended and not self.uncommitted


_EXAMPLE: ContextVar[Example] = ContextVar("_EXAMPLE")


@dataclass
class Storing:
    """Syncs of one history into empty tables."""

    stage: Stage
    db: Connection[TupleRow]
    endpoint: Endpoint
    known: History

    def examples(self, cases: Sequence[Case]) -> Iterator[list[Example]]:
        """The examples of the cases. Those that come together are in the tables until the next
        come.

        One that ends the sync of all is synced again by itself. Raises what no answer may cause.
        """
        waiting, alone = list(cases), list[Case]()
        if not self.stage.shortcut.open:
            waiting, alone = alone, waiting
        while waiting:
            examples = [self._example(case, f"{place}") for place, case in enumerate(waiting)]
            last: list[Example] = []
            failed = False
            try:
                self.sync(examples, last)
            except Exception:  # noqa: BLE001  raised again by the one that caused it
                failed = True
            refused = [e for e in examples if getattr(e.failure, "kind", "") in FINAL]
            again = {*refused, *last}
            left = [e for e in examples if failed and not e.finished and e not in again]
            yield [e for e in examples if e not in again and e not in left]
            alone += [e.case for e in examples if e in again]
            if len(left) == len(examples):
                alone += [e.case for e in left]
                break
            waiting = [e.case for e in left]
        for case in alone:
            example = self._example(case, "0")
            with described(case):
                try:
                    self.sync([example], [])
                except ExchangeFailure as failure:
                    example.failure = failure
            yield [example]

    def unchanged(self) -> None:
        """Raises what no unchanged answer may cause."""
        self.sync([self._example(Case(Request("", ()), b""), "0")], [])

    def sync(self, examples: Sequence[Example], last: list[Example]) -> None:
        """Sync the streams of `examples`; `last` is what is being committed."""
        stage, session, dataset = self.stage, self.stage.session, self.endpoint.dataset
        with self.db.transaction():
            for table in (dataset, *_BOOKS):
                self.db.execute(f"DELETE FROM alphapulse.{table}".encode())
        stage.reset(None if stage.shortcut.open else examples[0].interference)
        session.admitted = True
        session.venue = replace(
            session.venue,
            histories={dataset: {example.stream: example.source for example in examples}},
            open_orders=(),
            ended_orders=(),
            closed_streams=None,
        )
        window = TimeRange(to_time(self.known.start), to_time(self.known.end))
        with self._followed({example.stream: example for example in examples}, last):
            write(session.connection, history(session, dataset, window, fill=True), "fuzz")

    def _example(self, case: Case, stream: str) -> Example:
        source = self.known.source
        example = Example(case, stream, HISTORIES[self.endpoint.dataset].id, source)

        def amend(raw: Raw, row: Row) -> Row | None:
            found = source.amend(raw, row)
            return None if found is None else example.named(dict(found))

        example.source = replace(source, per_market="", daily=False, kept=None, amend=amend)
        return example

    @contextmanager
    def _followed(self, examples: Mapping[str, Example], last: list[Example]) -> Iterator[None]:
        """Interfere with the requests of each stream, and follow what comes of them."""
        client, method = self.stage.session.client, self.known.source.feed.method
        request, stream = client.request, client.stream

        async def of_stream(
            example: Example, source: AsyncGenerator[Any, None]
        ) -> AsyncGenerator[Any, None]:
            # a task reads one stream after the other
            _EXAMPLE.set(example)
            INTERFERENCE.set(example.interference)
            try:
                async for item in source:
                    example.paged += item.rows
                    example.uncommitted += 1
                    yield item
            except Exception:
                example.uncommitted += 1  # the error comes as an item
                example.ended = True
                raise
            example.ended = True

        def committed(sources: Mapping[Any, Any]) -> Generator[Any, None, None]:
            found = stream({g: of_stream(examples[g.stream], s) for g, s in sources.items()})
            try:
                for items in found:
                    last[:] = [examples[gap.stream] for gap, _ in items]
                    for example, (_, item) in zip(last, items, strict=True):
                        if isinstance(item, Exception):
                            example.failure = item
                    yield items
                    for example in last:
                        example.uncommitted -= 1
                    last.clear()
            finally:
                found.close()

        async def listen(called: str, params: Mapping[str, Any]) -> Any:
            redaction._signatures.clear()  # those of other streams would be looked for
            answer = await request(called, params)
            if called == method and (example := _EXAMPLE.get(None)):
                example.answers[repr(params)] = in_window(self.known, answer)
            return answer

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(client, "request", listen)
            patch.setattr(client, "stream", committed)
            yield
