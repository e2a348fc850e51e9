"""Whatever is typed after `alphapulse sql`: it changes nothing, and what it prints is harmless."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import note
from hypothesis import strategies as st
from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.cli import sql
from alphapulse_pipeline.cli.output import stderr, stdout
from alphapulse_pipeline.settings.errors import SettingsError
from alphapulse_pipeline.settings.printable import UNSAFE
from alphapulse_pipeline.warehouse.batches import Batch, Batches
from alphapulse_pipeline.warehouse.writer import write
from alphapulse_pipeline_tests.fuzz.choices import Drawn, one
from alphapulse_pipeline_tests.fuzz.examples import NIGHTLY, fuzz
from alphapulse_pipeline_tests.fuzz.mutations import changed_bytes
from alphapulse_pipeline_tests.warehouse.rows import trade

DB = Connection[TupleRow]
STATEMENTS = (
    "SELECT * FROM trades",
    "SELECT '\x1b[2J' AS \"\x1b[31m\"",
    'SELECT E\'\\u202e\\x07\' AS "[/bold]", 1 AS "[red]"',
    "SELECT date 'infinity', date '4000-01-01 BC', timestamp '-infinity'",
    "SELECT 'NaN'::numeric, 'Infinity'::numeric, 'Infinity'::float8, 1e1000::numeric",
    "SELECT interval '10000 years', '{1,2}'::int[], '\\x00'::bytea, '[1,2)'::int4range",
    "SELECT row(1, 'a'), '{\"a\": 1}'::jsonb, NULL, true, 'a'::name",
    "DELETE FROM trades",
    "UPDATE alphapulse.trades SET price = 0",
    "INSERT INTO alphapulse.circuit DEFAULT VALUES",
    "TRUNCATE alphapulse.trades",
    "DROP TABLE alphapulse.trades",
    "DROP SCHEMA alphapulse CASCADE",
    "ALTER TABLE alphapulse.trades DISABLE TRIGGER ALL",
    "WITH gone AS (DELETE FROM alphapulse.trades RETURNING *) SELECT * FROM gone",
    "EXPLAIN ANALYZE DELETE FROM alphapulse.trades",
    "SELECT * INTO public.mine FROM trades",
    "CREATE TABLE public.mine AS SELECT 1",
    "CREATE TEMP TABLE mine (a int)",
    "SELECT set_config('transaction_read_only', 'off', false)",
    "SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE",
    "SET default_transaction_read_only = off",
    "SET ROLE postgres",
    "RESET ROLE",
    "RESET SESSION AUTHORIZATION",
    "ALTER ROLE CURRENT_USER SUPERUSER",
    "GRANT ALL ON alphapulse.trades TO PUBLIC",
    "COPY alphapulse.trades FROM STDIN",
    "COPY alphapulse.trades TO STDOUT",
    "COPY (SELECT 1) TO PROGRAM 'touch /tmp/x'",
    "SELECT pg_read_file('/etc/passwd')",
    "SELECT lo_import('/etc/passwd'), lo_create(0)",
    "SELECT nextval(c.oid) FROM pg_class c WHERE relkind = 'S'",
    "DO $$ BEGIN DELETE FROM alphapulse.trades; END $$",
    "CALL nothing()",
    "BEGIN READ WRITE",
    "COMMIT",
    "LOCK TABLE alphapulse.trades",
    "NOTIFY me",
    "LISTEN me",
    "VACUUM alphapulse.trades",
    "PREPARE a AS DELETE FROM alphapulse.trades",
    "DECLARE a CURSOR FOR SELECT 1",
    "",
    ";",
    "--",
    "/*",
)


@pytest.fixture
def check(db: DB, capsys: pytest.CaptureFixture[str]) -> Callable[[Any], None]:
    write(db, Batches("bybit", "trades", [Batch([trade(1), trade(2)])]), "fuzz")
    before = everything(db)

    def example(data: Any) -> None:
        query = "; ".join(
            one(Drawn(data.draw), STATEMENTS)
            for _ in range(data.draw(st.sampled_from((1, 1, 1, 2))))
        )
        if data.draw(st.booleans()):
            query = changed_bytes(Drawn(data.draw), query.encode()).decode(
                "utf-8", "surrogateescape"
            )
        as_json = data.draw(st.booleans())
        note(repr(query))
        capsys.readouterr()
        stdout.cache_clear()
        stderr.cache_clear()
        with suppress(SettingsError):
            sql.sql(query, as_json=as_json)
        printed = "".join(capsys.readouterr())
        assert not any(map(UNSAFE.search, printed.split("\n"))), repr(printed)
        assert everything(db) == before

    return example


def test_a_statement_changes_nothing(check: Callable[[Any], None]) -> None:
    fuzz(check, 40, quick=True)


@pytest.mark.nightly
def test_no_statement_changes_anything(check: Callable[[Any], None]) -> None:
    fuzz(check, NIGHTLY, quick=False)


def everything(db: DB) -> Any:
    """The rows, the tables and who may use them, the roles, and the sequences."""
    return db.execute(
        "SELECT (SELECT array_agg(t::text ORDER BY trade_id) FROM alphapulse.trades AS t),"
        " (SELECT count(*) FROM alphapulse.circuit),"
        " (SELECT md5(string_agg(concat(oid, relname, relacl), ',' ORDER BY oid)) FROM pg_class"
        "  WHERE relpersistence <> 't' AND relnamespace <> 'pg_toast'::regnamespace),"
        " (SELECT md5(string_agg(r::text, ',' ORDER BY rolname)) FROM pg_roles AS r),"
        " (SELECT array_agg(last_value::text ORDER BY schemaname, sequencename) FROM pg_sequences),"
        " (SELECT count(*) FROM pg_largeobject_metadata)"
    ).fetchall()
