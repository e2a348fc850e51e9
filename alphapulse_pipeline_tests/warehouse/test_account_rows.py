"""All rows of an account get a new name, or go, in one transaction."""

import psycopg
import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.settings.errors import SettingsError
from alphapulse_pipeline.warehouse import account_rows, deployed, sync_log
from alphapulse_pipeline.warehouse.connection import account_is_busy, connect

DB = Connection[TupleRow]


@pytest.fixture
def two(db: DB) -> DB:
    """Rows of two accounts, in the history, in the bookkeeping, and derived."""
    for account in ("main", "other"):
        deployed.register(db, account, "bybit", [("trades", True, None)])
        sync_log.start(db, account, "trades", "run")
        db.execute(
            "INSERT INTO alphapulse.funding (account, market, funding_id, wallet, asset, amount,"
            " happened_at, raw, run_id) VALUES (%s, 'BTC/USDT:USDT', '1', 'unified', 'USDT', 1,"
            " now(), '{}', 'run')",
            [account],
        )
        db.execute("INSERT INTO portfolio.openings VALUES (%s, 'BTC', 1)", [account])
    return db


def test_every_row_has_the_new_name_and_the_others_keep_theirs(two: DB) -> None:
    before = account_rows.stored(two, "main")
    other = account_rows.stored(two, "other")
    assert {"datasets", "sync_log", "funding"} <= before.keys()
    account_rows.rename(two, "main", "renamed")
    assert account_rows.stored(two, "main") == {}
    assert account_rows.stored(two, "renamed") == before
    assert account_rows.stored(two, "other") == other
    # derived tables are calculated again from nothing
    assert two.execute("SELECT count(*) FROM portfolio.openings").fetchone() == (0,)
    assert two.execute("SELECT count(*) FROM portfolio.rewritten").fetchone() == (0,)


def test_a_name_with_rows_is_not_taken(two: DB) -> None:
    before = account_rows.stored(two, "main")
    with pytest.raises(SettingsError, match="already has rows of other"):
        account_rows.rename(two, "main", "other")
    assert account_rows.stored(two, "main") == before


def test_a_rename_is_whole_or_nothing(two: DB) -> None:
    """A table that refuses leaves all tables as they were."""
    before = account_rows.stored(two, "main")
    two.execute("ALTER TABLE alphapulse.sync_log ADD CHECK (account <> 'renamed')")
    with pytest.raises(psycopg.errors.CheckViolation):
        account_rows.rename(two, "main", "renamed")
    assert account_rows.stored(two, "main") == before


def test_forgotten_rows_are_gone_and_the_others_stay(two: DB) -> None:
    other = account_rows.stored(two, "other")
    account_rows.forget(two, "main")
    assert account_rows.stored(two, "main") == {}
    assert account_rows.stored(two, "other") == other


def test_the_locks_of_all_are_held(two: DB, database: str) -> None:
    with connect(database) as holder, account_rows.locked(holder, "main", "renamed"):
        assert all(account_is_busy(two, name) for name in ("main", "renamed", "portfolio"))
    assert not account_is_busy(two, "main")
