"""Changed answers all the way into PostgreSQL: what counts as complete is stored exactly."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import psycopg
import pytest
from hypothesis import note
from hypothesis import strategies as st
from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.datasets import DATASETS, Type
from alphapulse_pipeline.exchange.errors import ExchangeFailure, Kind
from alphapulse_pipeline.exchange.feed import Raw, to_time
from alphapulse_pipeline.sync.histories import history
from alphapulse_pipeline.warehouse.batches import TimeRange
from alphapulse_pipeline.warehouse.writer import write
from alphapulse_pipeline_tests.fuzz import corpus
from alphapulse_pipeline_tests.fuzz.endpoints import (
    Endpoint,
    History,
    endpoints,
    in_window,
    learn,
    requests,
    row_of,
)
from alphapulse_pipeline_tests.fuzz.examples import NIGHTLY, fuzz
from alphapulse_pipeline_tests.fuzz.mutations import mutated
from alphapulse_pipeline_tests.fuzz.proxy import Request
from alphapulse_pipeline_tests.fuzz.stage import Stage, Stages

DB = Connection[TupleRow]
_BOOKS = ("coverage", "streams", "rejected", "sync_log", "suspects", "skipped")
HISTORIES = {str(endpoint): endpoint for endpoint in endpoints() if endpoint.dataset}
SAMPLE = tuple(
    name
    for name in HISTORIES
    if name.endswith(
        (
            "transfers privateGetV5AssetDepositQueryRecord",
            "trades privateGetV5ExecutionList",
            "trades privateGetMyTrades",
            "transfers privateGetAssetDepositHistory",
            "ledger privatePostLedgers",
        )
    )
)
"""Of each exchange, paged in four ways."""


@pytest.mark.parametrize("name", SAMPLE)
def test_a_changed_answer(name: str, opened: Stages) -> None:
    attack(opened, HISTORIES[name], 5, quick=True)


@pytest.mark.nightly
@pytest.mark.parametrize("name", HISTORIES)
def test_many_changed_answers(name: str, opened: Stages) -> None:
    attack(opened, HISTORIES[name], NIGHTLY // 10, quick=False)


def attack(opened: Stages, endpoint: Endpoint, examples: int, *, quick: bool) -> None:
    stage = opened.of(endpoint.exchange)
    known = learn(stage, endpoint)
    stage.reset()
    with psycopg.connect(stage.url, autocommit=True) as db:
        sync(stage, db, endpoint, known)
        asked = requests(stage)
        if not asked:
            return  # the window is older than the exchange serves

        def attempt(request: Request, body: bytes, every: bool) -> None:
            stage.reset()
            stage.change(request, body, every=every)
            with overheard(stage, known) as answered:
                failure = sync(stage, db, endpoint, known)
            assert failure != "bug"
            nothing_is_covered_too_early(db)
            what_is_covered_is_stored(stage, db, endpoint, known, answered)

        def example(data: Any) -> None:
            request, body = asked[data.draw(st.integers(0, len(asked) - 1))]
            every = data.draw(st.booleans())
            changed = mutated(data.draw, body)
            note(f"{request} {every=}: {changed[:3000]!r}")
            attempt(request, changed, every)

        for request, body in corpus.found(str(endpoint), asked):
            attempt(request, body, False)
        fuzz(example, examples, quick)


def sync(stage: Stage, db: DB, endpoint: Endpoint, known: History) -> str:
    """The kind of failure of a sync into empty tables; "" if there was none."""
    for table in (endpoint.dataset, *_BOOKS):
        db.execute(f"DELETE FROM alphapulse.{table}".encode())
    session = stage.session
    session.admitted = True
    source = replace(known.source, per_market="", daily=False, kept=None)
    session.venue = replace(
        session.venue,
        histories={endpoint.dataset: {"fuzzed": source}},
        open_orders=(),
        ended_orders=(),
        closed_streams=None,
    )
    window = TimeRange(to_time(known.start), to_time(known.end))
    try:
        write(session.connection, history(session, endpoint.dataset, window, fill=True), "fuzz")
    except ExchangeFailure as failure:
        echoed = failure.problem.startswith('"')
        return "" if failure.kind is Kind.BUG and echoed else str(failure.kind)
    return ""


@contextmanager
def overheard(stage: Stage, known: History) -> Iterator[list[Raw]]:
    """The rows of the window that the exchange answers meanwhile."""
    client, rows = stage.session.client, list[Raw]()
    request = client.request

    async def listen(method: str, params: Mapping[str, Any]) -> Any:
        answer = await request(method, params)
        if method == known.source.feed.method:
            rows.extend(in_window(known, answer))
        return answer

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(client, "request", listen)
        yield rows


def nothing_is_covered_too_early(db: DB) -> None:
    """No time of a rejected row counts as complete."""
    covered = db.execute(
        "SELECT r.happened_at, r.reason FROM alphapulse.rejected AS r"
        " JOIN alphapulse.coverage AS c USING (account, dataset, stream)"
        " WHERE c.covered @> r.happened_at OR c.covered && r.gap"
    ).fetchall()
    assert covered == []


def what_is_covered_is_stored(
    stage: Stage, db: DB, endpoint: Endpoint, known: History, answered: list[Raw]
) -> None:
    """Every answered row whose time counts as complete is in the table, to the last digit."""
    table = DATASETS[endpoint.dataset]
    figures = [column.name for column in table.columns if column.type is Type.NUMERIC]
    found = db.execute(
        f"SELECT {', '.join((*table.key[1:], *figures))} FROM alphapulse.{table.name}".encode()
    ).fetchall()
    covered = db.execute("SELECT covered FROM alphapulse.coverage").fetchall()
    for raw in answered:
        time = known.source.feed.moment(raw)
        if time is None or not any(to_time(time) in times for (times,) in covered):
            continue
        row, reason = row_of(stage, endpoint.dataset, known.source, raw)
        assert not reason, f"covered, although {reason}"
        if row is not None:
            expected = tuple(row.get(name) for name in (*table.key[1:], *figures))
            assert expected in found, f"covered, but not stored: {raw}"
