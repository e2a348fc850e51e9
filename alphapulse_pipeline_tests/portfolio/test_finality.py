"""What is called final never changes, in whatever order the histories are loaded."""

import random
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from psycopg import Connection, sql
from psycopg.rows import TupleRow

from alphapulse_pipeline.portfolio import (
    movements_daily,
    prices,
    realized_pnl,
    reconciliation,
    value,
)
from alphapulse_pipeline.portfolio.reconciliation import HISTORIES
from alphapulse_pipeline.portfolio.tables import derived
from alphapulse_pipeline.settings.portfolio import PortfolioSettings
from alphapulse_pipeline.sync.histories import history
from alphapulse_pipeline.sync.session import open_session
from alphapulse_pipeline.warehouse.batches import TimeRange
from alphapulse_pipeline.warehouse.writer import write
from alphapulse_pipeline_tests.sync.reliability.scene import GENESIS, Scene

DB = Connection[TupleRow]
_TIMES = {"trades": "executed_at", "candles": "opened_at"}
MILLISECOND = timedelta(milliseconds=1)
_LOADED = (*HISTORIES, "candles")
_CLAIMS = {
    "line": "SELECT account, asset, kind, realized_at, amount, proceeds, cost, opened_by, closed_by"
    " FROM portfolio.realized_pnl WHERE state = 'final'",
    "day": "SELECT day, asset, sum(pnl) FROM portfolio.realized_pnl CROSS JOIN LATERAL"
    " date_trunc('day', realized_at) AS day"
    " WHERE portfolio.state_of('', day + interval '1 day') = 'final' GROUP BY 1, 2",
    "paid": "SELECT day, part, sum(amount * portfolio.price_at(asset, happened_at))"
    " FROM portfolio.movements CROSS JOIN LATERAL date_trunc('day', happened_at) AS day"
    " WHERE part IN ('fees', 'funding') AND portfolio.state_of('', day + interval '1 day')"
    " = 'final' GROUP BY 1, 2",
    "each day": "SELECT account, day, value, flows, added, profit, growth"
    " FROM portfolio.value_daily WHERE state = 'final'",
    "value": "SELECT account, at, value, confidence FROM portfolio.value WHERE state = 'final'",
}
_HELD = "SELECT account, asset, amount, cost, final_until FROM portfolio.cost_basis"
_HELD_THEN = """
SELECT coalesce((SELECT sum(amount) FROM portfolio.lots WHERE account = %(account)s
                 AND asset = %(asset)s AND entered_at < %(at)s), 0)
     - coalesce((SELECT sum(amount) FROM portfolio.realized_pnl WHERE account = %(account)s
                 AND asset = %(asset)s AND lot_id IS NOT NULL AND realized_at < %(at)s), 0)
"""
"""What was held at a time, by the lots and lines of the whole history."""


def _derive(db: DB) -> None:
    settings = PortfolioSettings(currency="USDT")
    for module in (prices, reconciliation, movements_daily, value, realized_pnl):
        module.refresh(db, settings)
    derived("value_daily").refresh(db, settings)


def _claims(db: DB) -> set[TupleRow]:
    return {(name, *row) for name, query in _CLAIMS.items() for row in db.execute(query.encode())}


def _check(db: DB, steps: Iterable[object]) -> tuple[set[TupleRow], int]:
    """Derive everything after each step; what was final must stay. Returns what is final in the
    end, and before how many of the steps something was."""
    final: set[TupleRow] = set()
    held: list[TupleRow] = []
    early = 0
    for step in steps:
        _derive(db)
        found = _claims(db)
        assert not final - found, f"changed by {step}"
        early += bool(final)
        final = found
        held += db.execute(f"{_HELD} WHERE state = 'final'".encode()).fetchall()
    for account, asset, amount, _, at in held:
        then = db.execute(_HELD_THEN.encode(), {"account": account, "asset": asset, "at": at})
        assert then.fetchone() == (amount,), asset
    return final, early


def _pieces(picked: random.Random, end: datetime, count: int) -> list[tuple[str, TimeRange]]:
    """Every history in some pieces, in any order."""
    pieces = []
    for dataset in _LOADED:
        # whole milliseconds, as a history asks for
        cuts = sorted(picked.randrange((end - GENESIS) // MILLISECOND) for _ in range(count))
        times = [GENESIS, *(GENESIS + cut * MILLISECOND for cut in cuts), end]
        pieces += [(dataset, TimeRange(*span)) for span in pairwise(times)]
    # mostly from the beginning on, so that something is final while much is missing
    length = (end - GENESIS).total_seconds()
    return sorted(
        pieces,
        key=lambda p: picked.random() + 2 * (p[1].start - GENESIS).total_seconds() / length,
    )


def _forget(db: DB, keep_snapshots_since: datetime) -> datetime:
    """Put all histories aside; when they end."""
    (end,) = db.execute("SELECT max(upper(wanted)) FROM alphapulse.streams").fetchone() or ()
    for dataset in _LOADED:
        db.execute(f"CREATE TABLE aside_{dataset} AS TABLE alphapulse.{dataset}".encode())
        db.execute(f"TRUNCATE alphapulse.{dataset}".encode())
    db.execute("CREATE TABLE aside AS TABLE alphapulse.coverage")
    db.execute("UPDATE alphapulse.coverage SET covered = '{}'")
    for table in ("snapshots", "balances", "positions", "prices"):
        db.execute(
            f"DELETE FROM alphapulse.{table} WHERE captured_at < %s".encode(),
            [keep_snapshots_since],
        )
    assert isinstance(end, datetime)
    return end


def _restore(db: DB, dataset: str, span: TimeRange) -> None:
    """Rows and coverage of a history, as if they were read now."""
    time = sql.Identifier(_TIMES.get(dataset, "happened_at"))
    names = {"aside": sql.Identifier(f"aside_{dataset}"), "time": time}
    names["table"] = sql.Identifier("alphapulse", dataset)
    given = {"start": span.start, "end": span.end, "dataset": dataset}
    with db.transaction():
        db.execute(sql.SQL("UPDATE {aside} SET recorded_at = clock_timestamp()").format(**names))
        db.execute(
            sql.SQL(
                "INSERT INTO {table} SELECT * FROM {aside} WHERE {time} >= %(start)s"
                " AND {time} < %(end)s"
            ).format(**names),
            given,
        )
        db.execute(
            "UPDATE alphapulse.coverage AS c SET covered = c.covered + a.covered"
            " * tstzmultirange(tstzrange(%(start)s, %(end)s)) FROM aside AS a"
            " WHERE (c.account, c.dataset, c.stream) = (a.account, a.dataset, a.stream)"
            " AND c.dataset = %(dataset)s",
            given,
        )


def _restored(
    db: DB, pieces: Sequence[tuple[str, TimeRange]], first: int, together: int
) -> Iterator[object]:
    """The first pieces at once, then so many together."""
    for start, end in pairwise((0, *range(first, len(pieces), together), len(pieces))):
        for dataset, span in pieces[start:end]:
            _restore(db, dataset, span)
        yield pieces[start:end]


@pytest.mark.parametrize(
    "seed", [1, *(pytest.param(n, marks=pytest.mark.nightly) for n in range(2, 20))]
)
def test_what_is_final_stays_while_the_histories_arrive_in_pieces(lived: Scene, seed: int) -> None:
    picked = random.Random(seed)
    with lived.database() as (_, db):
        since = GENESIS + timedelta(days=picked.choice((0, 12, 14)))
        end = _forget(db, since)
        pieces = _pieces(picked, end, 1 if seed == 1 else 3)
        # nothing is final while most is missing: the quick run begins later
        first, together = (len(pieces) // 2, 2) if seed == 1 else (1, 1)
        final, early = _check(db, _restored(db, pieces, first, together))
        kinds = {row[0] for row in final}
        assert {"line", "day"} <= kinds
        if seed == 1:  # in some other orders, the last piece is one of the first day
            assert early
            assert "each day" in kinds


@pytest.mark.nightly
def test_what_is_final_stays_while_syncs_load_the_histories(lived: Scene) -> None:
    picked = random.Random(lived.exchange)
    with lived.database() as (url, db):
        end = datetime.fromtimestamp(lived.clock.now / 1000, UTC)
        _forget(db, GENESIS)

        def synced() -> Iterator[object]:
            for dataset, span in _pieces(picked, end, 3):
                if dataset not in lived.datasets:
                    continue
                with open_session(lived.account(), url, "finality") as session:
                    batches = history(session, dataset, span, fill=True)
                    write(session.connection, batches, "finality")
                yield dataset, span

        final, _ = _check(db, synced())
        assert {"line", "day"} <= {row[0] for row in final}
