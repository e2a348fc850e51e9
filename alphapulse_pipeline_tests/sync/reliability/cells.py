"""One cell of the matrix: one fault, one dataset, one exchange."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.exchange import ccxt_client
from alphapulse_pipeline_tests.sync.reliability.faults import BadDay, bad_days
from alphapulse_pipeline_tests.sync.reliability.judge import (
    Harm,
    Rows,
    assert_true,
    found_in,
    harm_at_last,
    harm_meanwhile,
    leaked_secrets,
)
from alphapulse_pipeline_tests.sync.reliability.scene import Scene, listening
from exchange_simulator import EXCHANGES
from exchange_simulator.rows import rows_of

_NOWHERE = "http://no-such-host.invalid"
_SHARED = ("snapshots", "streams", "coverage", "suspects", "rejected")
"""Tables with rows of every dataset, which a cell finds as the good sync left them."""


@dataclass
class Known:
    """What a dataset is without a fault."""

    before: Rows
    after: Rows
    paths: set[str]
    """Where it was asked for."""
    fields: set[str]
    """What stands in the answers."""


@dataclass
class Cells:
    """A database in which cells are tried one after the other."""

    scene: Scene
    url: str
    db: Connection[TupleRow]
    known: dict[str, Known] = field(default_factory=dict)

    def restore(self, dataset: str) -> None:
        """Everything of a dataset as the good sync left it."""
        tables = {dataset: "true"} | dict.fromkeys(_SHARED, f"dataset = '{dataset}'")
        statements = ["DELETE FROM alphapulse.sync_log"]
        for table, which in tables.items():
            statements.append(f"DELETE FROM alphapulse.{table} WHERE {which}")
            statements.append(
                f"INSERT INTO alphapulse.{table} SELECT * FROM kept.{table} WHERE {which}"
            )
        with self.db.transaction():
            self.db.execute("; ".join(statements).encode())

    def learn(self) -> None:
        """What every dataset is before and after a sync without a fault."""
        self.db.execute(b"CREATE SCHEMA kept")
        for table in (*self.scene.datasets, *_SHARED):
            self.db.execute(f"CREATE TABLE kept.{table} AS TABLE alphapulse.{table}".encode())
        for dataset in self.scene.datasets:
            before = found_in(self.db, self.scene, dataset)
            self.scene.simulator.requests.clear()
            with _overheard() as answers:
                outcome = self.scene.sync(self.url, dataset)
            assert outcome[dataset] == "", outcome
            after = found_in(self.db, self.scene, dataset)
            assert_true(self.scene, dataset, after)
            self.known[dataset] = Known(
                before,
                after,
                {request.path for request in self.scene.simulator.requests},
                set().union(*(_names(self.scene.exchange, *answer) for answer in answers)),
            )
            self.restore(dataset)

    def days(self, dataset: str) -> tuple[BadDay, ...]:
        known = self.known[dataset]
        return bad_days(self.scene.exchange, known.paths, known.fields)

    def try_out(self, dataset: str, day: BadDay, fault: str) -> tuple[str, Harm]:
        """How the sync ended under the fault ("" where it was good), and what it has done in all:
        by then, and once a sync without the fault was done."""
        known, simulator = self.known[dataset], self.scene.simulator
        self.restore(dataset)
        with listening() as lines:
            simulator.set_faults(*([fault] if fault else []))
            door = _NOWHERE if day.unreachable else ""
            with _patience(0.4 if day.hasty else None):
                outcome = self.scene.sync(self.url, dataset, door=door, behind=day.behind)[dataset]
            simulator.set_faults()
            harm = harm_meanwhile(self.db, self.scene, dataset, known.before, known.after)
            tables = ("sync_log", "coverage", "rejected", dataset)
            harm += Harm(secrets=leaked_secrets(self.db, tables, lines))
            unread = "SELECT FROM alphapulse.rejected WHERE dataset = %s LIMIT 1"
            if not outcome and self.db.execute(unread, [dataset]).fetchone() is not None:
                outcome = "rejected"
            last = self.scene.sync(self.url, dataset)[dataset]
        assert last == "", f"{dataset} does not get well after {fault}: {last}"
        return outcome, harm + harm_at_last(self.db, self.scene, dataset, known.after)


@contextmanager
def _patience(seconds: float | None) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        if seconds:
            patch.setattr(ccxt_client, "_REQUEST_TIMEOUT_MS", int(seconds * 1000))
        yield


@contextmanager
def _overheard() -> Iterator[list[tuple[str, Any]]]:
    """The path and the answer of every request that is sent meanwhile."""
    heard: list[tuple[str, Any]] = []
    fetch = ccxt_client._CheckedExchange.fetch

    async def listen(self: Any, url: str, *args: Any, **kwargs: Any) -> Any:
        answer = await fetch(self, url, *args, **kwargs)
        heard.append((urlsplit(url).path, answer))
        return answer

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ccxt_client._CheckedExchange, "fetch", listen)
        yield heard


def _names(exchange: str, path: str, answer: Any) -> set[str]:
    """The fields of an answer; the names of its rows are no fields."""
    rows = rows_of(EXCHANGES[exchange].rows, path, answer)
    ids = set()
    if rows is not None and rows.named:
        for place in rows.at:
            found = answer
            for step in place.split("."):
                found = (found or {}).get(step)
            ids |= set(found or {})
    return {name for name in _fields(answer) if name not in ids}


def _fields(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield name
            yield from _fields(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _fields(inner)
