"""A row that is missing is searched for where a balance or a position is unexplained, and found."""

import random

import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.datasets import HISTORIES
from alphapulse_pipeline.portfolio import position_reconciliation, reconciliation, rereads
from alphapulse_pipeline.portfolio.residuals import find
from alphapulse_pipeline.settings.portfolio import PortfolioSettings
from alphapulse_pipeline_tests.sync.reliability.scene import Scene

DB = Connection[TupleRow]
KEYS = {
    "trades": "market || ' ' || trade_id || ' ' || side",
    "transfers": "kind || ' ' || transfer_id",
    "funding": "market || ' ' || funding_id",
    "ledger": "wallet || ' ' || kind || ' ' || entry_id",
}
TIMES = {"trades": "executed_at"}
# Between two snapshots, and none of the seconds in which one was read.
_INSIDE = """
SELECT {key} FROM alphapulse.{dataset}
WHERE {time} > (SELECT min(captured_at) FROM alphapulse.snapshots WHERE dataset = 'balances')
  AND {time} < (SELECT max(captured_at) FROM alphapulse.snapshots WHERE dataset = 'balances')
  AND NOT EXISTS (SELECT FROM alphapulse.snapshots
      WHERE abs(extract(epoch FROM captured_at - {time})) < 10)
ORDER BY 1
"""
_EXCEPT = ("run_id", "recorded_at")


def refresh(db: DB) -> None:
    reconciliation.refresh(db, PortfolioSettings())
    position_reconciliation.refresh(db, PortfolioSettings())


def read(scene: Scene, url: str) -> None:
    served = [dataset for dataset in HISTORIES if dataset in scene.datasets]
    assert set(scene.sync(url, *served).values()) == {""}


def differences(db: DB) -> int:
    found = find(db)
    return found.breaks + found.unverifiable


def stored(db: DB) -> dict[str, list[str]]:
    """Every row of every history, and every covered time."""
    tables = {
        dataset: [
            row
            for (row,) in db.execute(
                f"SELECT (to_jsonb(t) - %s::text[])::text FROM alphapulse.{dataset} AS t"
                " ORDER BY 1".encode(),
                [list(_EXCEPT)],
            )
        ]
        for dataset in HISTORIES
    }
    # runs prove ever newer times
    covered = db.execute(
        "SELECT stream, dataset, (covered * tstzmultirange(tstzrange(NULL,"
        " (SELECT max(captured_at) - interval '2 days' FROM alphapulse.snapshots))))::text"
        " FROM alphapulse.coverage"
    )
    return tables | {"coverage": sorted(map(str, covered.fetchall()))}


def entries(db: DB, dataset: str) -> list[str]:
    """Those that can be deleted."""
    time = TIMES.get(dataset, "happened_at")
    query = _INSIDE.format(key=KEYS[dataset], dataset=dataset, time=time)
    return [name for (name,) in db.execute(query.encode()).fetchall()]


def take_away(db: DB, dataset: str, entry: str) -> None:
    where = f"FROM alphapulse.{dataset} WHERE {KEYS[dataset]} = %s".encode()
    db.execute("DROP TABLE IF EXISTS kept")
    db.execute(b"CREATE TABLE kept AS SELECT * " + where, [entry])
    db.execute(b"DELETE " + where, [entry])


def put_back(db: DB, dataset: str) -> None:
    db.execute("UPDATE kept SET recorded_at = clock_timestamp()")
    db.execute(f"INSERT INTO alphapulse.{dataset} SELECT * FROM kept".encode())
    refresh(db)


def check_healed(scene: Scene, dataset: str, number: int) -> tuple[int, int]:
    """Of so many rows deleted one after the other: how many made a difference, and how many of
    these were found again. No other row may change."""
    made, healed = 0, 0
    with scene.database() as (url, db):
        read(scene, url)
        refresh(db)
        assert differences(db) == 0
        whole = stored(db)
        every = entries(db, dataset)
        for entry in random.Random(7).sample(every, min(number, len(every))):
            take_away(db, dataset, entry)
            lacking = stored(db)
            refresh(db)
            if not differences(db):
                # it is in no balance, or another record explains it
                assert requests(db) == []
                put_back(db, dataset)
                continue
            made += 1
            assert all(row.search.startswith("the next run reads ") for row in find(db).rows)
            for _ in range(2):  # where a record points to; the whole window
                read(scene, url)
                refresh(db)
            if stored(db) == whole:
                healed += 1
                assert differences(db) == 0, entry
                assert any(one.found in entry for one in rereads.explained(db)), entry
            else:
                assert stored(db) == lacking
                put_back(db, dataset)
            db.execute("DELETE FROM alphapulse.rereads")
    return made, healed


def requests(db: DB) -> list[TupleRow]:
    return db.execute("SELECT * FROM alphapulse.rereads").fetchall()


@pytest.mark.parametrize("dataset", KEYS)
def test_a_missing_row_is_found(lived: Scene, dataset: str) -> None:
    made, healed = check_healed(lived, dataset, 3)
    assert healed == made


@pytest.mark.nightly
@pytest.mark.parametrize("dataset", KEYS)
def test_whichever_row_is_missing_it_is_found(lived: Scene, dataset: str) -> None:
    made, healed = check_healed(lived, dataset, 100)
    assert healed >= 0.95 * made
