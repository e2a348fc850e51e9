"""Views, functions and triggers follow their files, without a migration."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline import datasets
from alphapulse_pipeline.datasets.dataset import history_columns
from alphapulse_pipeline.datasets.funding import FUNDING
from alphapulse_pipeline.datasets.table import key, numeric, text, timestamp
from alphapulse_pipeline.warehouse import repeatable, schema

DB = Connection[TupleRow]
Edit = Callable[..., None]


@pytest.fixture
def sql(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of the SQL files that a test may edit, as a new version of the project would."""
    copy = tmp_path / "sql"
    shutil.copytree(repeatable.DIRECTORY, copy)
    monkeypatch.setattr(repeatable, "DIRECTORY", copy)
    _forget()
    yield copy
    _forget()


def _forget() -> None:
    repeatable.repeatables.cache_clear()
    repeatable._checksums.cache_clear()


def _edit(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))
    _forget()


def test_a_changed_view_needs_no_migration(database: str, db: DB, sql: Path) -> None:
    _edit(sql / "alphapulse/orders_open.sql", "WHERE status = 'open'", "WHERE status <> 'closed'")
    assert schema.revision(db) is schema.Revision.BEHIND
    schema.migrate(database)
    assert schema.revision(db) is schema.Revision.CURRENT
    row = db.execute("SELECT pg_get_viewdef('alphapulse.orders_open'::regclass)").fetchone()
    assert row is not None
    assert "<> 'closed'" in row[0]


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("alphapulse/streams_stale", " AS last_asked", " AS last_requested"),
        ("alphapulse/market_in_name", "settle text", "settle_in text"),
        ("portfolio/price_at", "at_ timestamptz", "at_ timestamptz, at_most interval = '1 day'"),
        ("portfolio/movements_between", "account_", "of_account"),
        ("portfolio/movements/funding", "happened_at,", "happened_at,"),
    ],
)
def test_what_cannot_be_replaced_is_dropped_and_created(
    database: str, db: DB, sql: Path, file: str, old: str, new: str
) -> None:
    def objects() -> list[TupleRow]:
        return db.execute(
            "SELECT relname::text FROM pg_class WHERE relkind = 'v'"
            " AND relnamespace IN ('alphapulse'::regnamespace, 'portfolio'::regnamespace)"
            " UNION ALL SELECT proname::text FROM pg_proc"
            " WHERE pronamespace IN ('alphapulse'::regnamespace, 'portfolio'::regnamespace)"
            " UNION ALL SELECT tgname || ' ' || tgrelid::regclass FROM pg_trigger ORDER BY 1"
        ).fetchall()

    before = objects()
    path = sql / f"{file}.sql"
    path.write_text(path.read_text().replace(old, new) + "-- changed\n")
    if file == "alphapulse/market_in_name":
        _edit(sql / "alphapulse/market_of.sql", "n.settle", "n.settle_in")
    _forget()
    schema.migrate(database)
    assert schema.revision(db) is schema.Revision.CURRENT
    assert objects() == before


def test_a_view_of_the_user_in_the_way_is_named(database: str, db: DB, sql: Path) -> None:
    db.execute("CREATE VIEW public.mine AS SELECT stream FROM alphapulse.streams_stale")
    _edit(sql / "alphapulse/streams_stale.sql", " AS last_asked", " AS last_requested")
    with pytest.raises(schema.SchemaMismatch, match="view mine depends on view") as caught:
        schema.migrate(database)
    assert "drop it" in caught.value.fix
    assert schema.revision(db) is schema.Revision.BEHIND
    assert db.execute("SELECT * FROM public.mine").fetchall() == []  # nothing was done

    db.execute("DROP VIEW public.mine")
    schema.migrate(database)
    assert schema.revision(db) is schema.Revision.CURRENT


def test_a_view_of_the_user_may_stay_while_ours_can_be_replaced(
    database: str, db: DB, sql: Path
) -> None:
    db.execute("CREATE VIEW public.mine AS SELECT order_id FROM alphapulse.orders_open")
    _edit(sql / "alphapulse/orders_open.sql", "WHERE status = 'open'", "WHERE status <> 'closed'")
    schema.migrate(database)
    assert db.execute("SELECT * FROM public.mine").fetchall() == []


def test_a_removed_view_is_dropped(
    database: str, db: DB, sql: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = [file for file in repeatable.ORDER if file != "portfolio/unpriced"]
    monkeypatch.setattr(repeatable, "ORDER", tuple(order))
    _forget()
    schema.migrate(database)
    assert db.execute("SELECT to_regclass('portfolio.unpriced')").fetchone() == (None,)
    assert schema.revision(db) is schema.Revision.CURRENT


def test_a_changed_comment_needs_no_migration(
    database: str, db: DB, sql: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trades = replace(datasets.DATASETS["trades"], comment="It's new.")
    monkeypatch.setitem(datasets.DATASETS, "trades", trades)
    _edit(
        sql / "portfolio/comments.sql",
        "What left one own account and arrived in another: its lots keep their cost.",
        "New.",
    )
    schema.migrate(database)
    for table, comment in (("alphapulse.trades", "It's new."), ("portfolio.own_transfers", "New.")):
        found = db.execute("SELECT obj_description(%s::regclass)", [table]).fetchone()
        assert found == (comment,)


def test_a_new_dataset_needs_no_migration(
    database: str, db: DB, sql: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    staking = replace(
        FUNDING,
        name="staking",
        comment="Rewards.",
        columns=history_columns(
            key("staking_id", "The exchange's id."),
            text("asset", "The asset.", nullable=False),
            numeric("amount", "The amount.", nullable=False),
            timestamp("happened_at", "When it happened.", nullable=False),
        ),
        ledger_classes=(),
    )
    for registry in (datasets.DATASETS, datasets.HISTORIES):
        monkeypatch.setitem(registry, "staking", staking)
    (sql / "portfolio/movements/staking.sql").write_text(
        "SELECT account, '' AS wallet, asset, happened_at, 'other' AS part, amount,"
        " TRUE AS reported, 'staking' AS dataset, staking_id AS entry, recorded_at"
        " FROM alphapulse.staking\n"
    )
    _forget()
    schema.migrate(database)
    db.execute(
        "INSERT INTO alphapulse.staking"
        " (account, staking_id, asset, amount, happened_at, raw, run_id)"
        " VALUES ('bybit', '1', 'ETH', 2, now(), '{}', 'run')"
    )
    moved = "SELECT asset, amount FROM portfolio.movements WHERE dataset = 'staking'"
    assert db.execute(moved).fetchall() == [("ETH", 2)]
    db.execute("UPDATE alphapulse.staking SET amount = 3")
    rewritten = db.execute("SELECT dataset, market FROM portfolio.rewritten").fetchall()
    assert rewritten == [("staking", "ETH")]
    assert db.execute("SELECT to_regclass('alphapulse.staking_happened_at')").fetchone() != (None,)


def test_a_migration_may_change_a_column_that_views_use(
    database: str, db: DB, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    migrations = tmp_path / "migrations"
    shutil.copytree(schema._MIGRATIONS, migrations)
    newest = max(path.name[:4] for path in (migrations / "versions").glob("0*.py"))
    (migrations / "versions" / "9999_wider.py").write_text(
        "from alembic import op\n"
        f"revision, down_revision = '9999', '{newest}'\n"
        "def upgrade():\n"
        "    op.execute('ALTER TABLE alphapulse.trades ALTER amount TYPE numeric(1000, 18)')\n"
    )
    monkeypatch.setattr(schema, "_MIGRATIONS", migrations)
    assert schema.revision(db) is schema.Revision.BEHIND
    schema.migrate(database)
    assert schema.revision(db) is schema.Revision.CURRENT
    assert db.execute("SELECT * FROM portfolio.movements").fetchall() == []


def test_every_file_has_its_place_in_the_order() -> None:
    files = {
        str(path.relative_to(repeatable.DIRECTORY).with_suffix(""))
        for path in repeatable.DIRECTORY.glob("*/*.sql")
        if path.parent.name != "queries"
    }
    assert files | {"alphapulse/comments"} == set(repeatable.ORDER)
    assert len(repeatable.ORDER) == len(set(repeatable.ORDER))


def test_every_file_of_a_history_is_used() -> None:
    moving = {history.name for history in repeatable.moving()}
    for part in ("movements", "legs", "touched"):
        files = {path.stem for path in (repeatable.DIRECTORY / "portfolio" / part).glob("*.sql")}
        assert files - {"other"} <= moving


def test_every_view_and_function_says_what_it_is(db: DB) -> None:
    silent = db.execute(
        "SELECT oid::regclass::text FROM pg_class WHERE relkind IN ('r', 'v')"
        " AND relnamespace::regnamespace::text IN ('alphapulse', 'portfolio')"
        " AND obj_description(oid, 'pg_class') IS NULL"
        " UNION ALL SELECT oid::regprocedure::text FROM pg_proc"
        " WHERE pronamespace::regnamespace::text IN ('alphapulse', 'portfolio')"
        " AND obj_description(oid, 'pg_proc') IS NULL"
    ).fetchall()
    assert silent == [("alphapulse.alembic_version",)]
