"""Changed answers all the way into PostgreSQL: what counts as complete is stored exactly."""

from collections.abc import Sequence
from itertools import chain
from typing import Any

import psycopg
import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.datasets import DATASETS, Type
from alphapulse_pipeline.exchange.errors import ExchangeFailure
from alphapulse_pipeline.exchange.feed import to_time
from alphapulse_pipeline_tests.fuzz.attack import Case, attack, described, is_bug
from alphapulse_pipeline_tests.fuzz.endpoints import (
    Endpoint,
    History,
    endpoints,
    is_answered,
    is_of_other,
    learn,
    read_once,
    undisputed,
)
from alphapulse_pipeline_tests.fuzz.examples import NIGHTLY
from alphapulse_pipeline_tests.fuzz.stage import Stage, Stages
from alphapulse_pipeline_tests.fuzz.storing import Example, Storing

DB = Connection[TupleRow]
HISTORIES = {str(endpoint): endpoint for endpoint in endpoints() if endpoint.dataset}
SAMPLE = tuple(
    name
    for name in HISTORIES
    if name.endswith(
        (
            "transfers privateGetV5AssetDepositQueryRecord",
            "transfers privateGetV5AssetTransferQueryUniversalTransferList",
            "trades privateGetV5ExecutionList",
            "trades privateGetMyTrades",
            "transfers privateGetAssetDepositHistory",
            "kraken transfers privatePostLedgers",
            "ledger privatePostLedgers",
        )
    )
)
"""Of each exchange, paged in four ways."""


@pytest.mark.parametrize("name", SAMPLE)
def test_a_changed_answer(name: str, opened: Stages) -> None:
    store_changed(opened, name, 4, quick=True)


@pytest.mark.nightly
@pytest.mark.parametrize("name", HISTORIES)
def test_many_changed_answers(name: str, opened: Stages) -> None:
    store_changed(opened, name, NIGHTLY, quick=False)


def store_changed(opened: Stages, name: str, examples: int, *, quick: bool) -> None:
    endpoint = HISTORIES[name]
    stage = opened.of(endpoint.exchange)
    known = learn(stage, endpoint)
    with psycopg.connect(stage.url, autocommit=True) as db:
        db.execute("SET synchronous_commit TO off")
        storing = Storing(stage, db, endpoint, known)

        def check(cases: Sequence[Case]) -> None:
            known.read.clear()
            for found in storing.examples(cases):
                nothing_is_covered_too_early(db)
                stored = Stored(db, endpoint)
                for example in found:
                    with described(example.case):
                        stored.has_what_is_covered(stage, known, example)
                        if isinstance(example.failure, ExchangeFailure):
                            assert not is_bug(stage, example.failure, example.interference)

        attack(stage, name, storing.unchanged, check, examples, quick=quick)


def nothing_is_covered_too_early(db: DB) -> None:
    """No time of a rejected row counts as complete."""
    covered = db.execute(
        "SELECT r.stream, r.happened_at, r.reason FROM alphapulse.rejected AS r"
        " JOIN alphapulse.coverage AS c USING (account, dataset, stream)"
        " WHERE c.covered @> r.happened_at OR c.covered && r.gap"
    ).fetchall()
    assert covered == []


class Stored:
    """A history's rows, to the last digit, and the times of each stream that are complete."""

    def __init__(self, db: DB, endpoint: Endpoint) -> None:
        table = DATASETS[endpoint.dataset]
        figures = [column.name for column in table.columns if column.type is Type.NUMERIC]
        self._endpoint = endpoint
        self._columns = (*table.key[1:], *figures)
        columns = ", ".join(self._columns)
        query = f"SELECT {columns} FROM alphapulse.{table.name}".encode()
        self._rows = set(db.execute(query).fetchall())
        covered = db.execute("SELECT stream, covered FROM alphapulse.coverage").fetchall()
        self._covered: dict[str, Any] = dict(covered)

    def has_what_is_covered(self, stage: Stage, known: History, example: Example) -> None:
        """Every answered row whose time counts as complete is in the table."""
        covered, feed = self._covered.get(example.stream, ()), known.source.feed
        answered = undisputed(feed, list(example.answers.values()))
        for answer in chain.from_iterable(answered):
            time = feed.moment(answer)
            if time is None or not any(to_time(time) in times for times in covered):
                continue
            if is_of_other(feed, answer, example.case.body):
                continue
            raw = next((row for row in example.paged if is_answered(answer, row)), None)
            assert raw is not None, f"covered, but lost: {answer}"
            row, reason = read_once(stage, self._endpoint, known, raw)
            assert not reason, f"covered, although {reason}"
            if row is not None:
                row = example.named(row)
                expected = tuple(row.get(name) for name in self._columns)
                assert expected in self._rows, f"covered, but not stored: {raw}"
