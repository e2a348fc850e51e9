"""The migrated tables are those of the code; a database that is not says so in a sentence; and the
role for reading can only read."""

import ast
import hashlib
from collections.abc import Iterator
from contextlib import ExitStack
from decimal import Decimal
from pathlib import Path

import psycopg
import pytest
import sqlalchemy
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from psycopg import Connection, errors
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import TupleRow

from alphapulse_pipeline.datasets import SCHEMA
from alphapulse_pipeline.settings.errors import SettingsError
from alphapulse_pipeline.warehouse import schema, tables
from alphapulse_pipeline.warehouse.batches import Batch, Batches
from alphapulse_pipeline.warehouse.connection import (
    KEEPALIVES,
    SERVER_KEEPALIVES,
    DatabaseUnavailable,
    TooManyConnections,
    account_is_busy,
    account_lock,
    connect,
)
from alphapulse_pipeline.warehouse.embedded import EmbeddedServer
from alphapulse_pipeline.warehouse.writer import write
from alphapulse_pipeline_tests.warehouse.rows import trade

DB = Connection[TupleRow]
TOO_MANY = (
    "sorry, too many clients already",
    "remaining connection slots are reserved for roles with the SUPERUSER attribute",
    'too many connections for database "alphapulse"',
    "no more connections allowed (max_client_conn)",  # PgBouncer
)


def test_migrations_make_the_tables_of_the_code(database: str) -> None:
    engine = sqlalchemy.create_engine(
        "postgresql+psycopg://", creator=lambda: psycopg.connect(database)
    )
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "include_schemas": True,
                "include_name": lambda name, kind, _: kind != "schema" or name == SCHEMA,
                "version_table_schema": SCHEMA,
                "compare_type": True,
                "compare_server_default": True,
            },
        )
        assert compare_metadata(context, tables.metadata()) == []
    engine.dispose()


def test_migrations_do_not_follow_the_code() -> None:
    files = list((Path(schema.__file__).parent / "migrations" / "versions").glob("[0-9]*.py"))
    assert files
    for path in files:
        for node in ast.walk(ast.parse(path.read_text())):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not [n for n in names if n.startswith("alphapulse_pipeline")], path


RELEASED = {
    "0001_tables.py": "6ff31feda0f4907342255fe180226e3f1f667351b0143498d5fb8ca6a7116c2a",
    "0001_tables.sql": "9ffef1f3437e7275ff04d379955c4eb8ebf52de942b369323606b3ddca2299c5",
    "0002_skipped.py": "8d8d26a23865430f17849ece122d3a2f6207162eed9ec19dc58e0472d6736e38",
    "0002_skipped.sql": "49590863a2f67f0db1945c881d02ef33d15a546b063367537f965a89a43905d8",
    "0003_unknown_costs.py": "33dfd58125dd5ebed57f54a836a6913a090c5f56780db7cb934c0c5a7dd11c42",
    "0004_unread_wallets.py": "9428781c45ceaa55db06f1c2bdbdd8656a1068389ffc1bb9124f11dd51d184cf",
    "0005_rejected.py": "8d2b37d58d5366afc4b9e55d87c2e75829d88dc4dd78ac02bfe4056e71a31f77",
    "0005_rejected.sql": "317dce15d6ec19262a9fbdcb47879247f8e0dc895b992c69595fc5c72199708f",
    "0006_movements_daily.py": "11e347bf7ebd83860b2e44a502a4143671c1a938919b93c382a79fcf7405518a",
    "0006_movements_daily.sql": "b34034ed3dd056f35ce0e43cf229faa6fbcdbed6a02bb71dd48df14b86f942bd",
    "0007_finality.py": "e109a07ac1f44f34ed0483219e88648b90f08a1b729a00911a0c5a67298f62f0",
    "0007_finality.sql": "0fa32ad3337cc7de3b74351cba4d452334fcd7c76d56512c96ca96d2410cc323",
    "0008_value_daily.py": "5186fb9e72c6695348dfdba200385ff2b341d9a866f553f67da2da2bab3e2494",
    "0008_value_daily.sql": "95353755a61b3b8bf32bdc52f4116b3be1b094dd8f76d6e88db471cb9b978fb2",
    "0009_disputed_prices.py": "b9f1bce8d8b4261c676fb16d2a8348d4a18e7cb9cd0b4b31351fb73c064afafd",
    "0009_disputed_prices.sql": "e5ea5ea37239f70739b322f5926ef15356c842a8ace25ad5df1e74f9314797b2",
    "0010_positions.py": "70c0a3514172affd42b78fe4384c28c890ee190f6a3ca2272ed00e10078b80bf",
    "0010_positions.sql": "fa8cbc126183b20ffdbb173024d887f1d866df971e35f5ee63afd096ab52f505",
    "0011_sub_accounts.py": "1d092da847c76b836269a974edc457973a4807a05fc36f661916accf03d1270b",
    "0011_sub_accounts.sql": "4cff5c2444e0126ec91b6d7123a54cf5744511c17a4e536c1a3dfa30c9147ef1",
    "0012_own_transfers.py": "5c10f17898c3cbe475b33565bb57ba33392edf29b8cab98608de4b5cd994b6ed",
    "0012_own_transfers.sql": "62454fe090fea39337e8bc477d5e3750b5a4dd08c769cd4a7c922f635d963c09",
    "0013_rereads.py": "7dd6b956a1f53094f99362354f79dc38d3299916e2ca4dd1e09a38ba7a443fd8",
    "0013_rereads.sql": "70095496b0c7c9966abbfdd51edbbf199cce9d715b3ed4bf080991486989bb3f",
    "0014_missing_fills.py": "111b91eda9af5c40779d7838a96c3bca6ba0f4113fc5c8de3de8f9718a5fd8d5",
    "0015_transfer_times.py": "860c8636c30abbe73c082fb3eb36b6d1d9ca56ba426fdd847c6af075d1b7ad86",
}
"""The files of released migrations, with the SHA-256 of each. Add a new migration's here."""


def test_released_migrations_never_change() -> None:
    folder = Path(schema.__file__).parent / "migrations" / "versions"
    for path in sorted(folder.glob("[0-9]*")):
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        assert RELEASED.get(path.name) == digest, (
            f"{path.name} was changed: databases have run it already, and will not run it again. "
            f"Undo the change and add a new migration instead. (If {path.name} is that new "
            f'migration, add it to RELEASED: "{path.name}": "{digest}")'
        )


@pytest.mark.parametrize(
    ("change", "state", "words"),
    [
        ("DROP SCHEMA alphapulse CASCADE", schema.Revision.MISSING, "no tables yet; run"),
        ("DELETE FROM alphapulse.alembic_version", schema.Revision.MISSING, "no tables yet; run"),
        (
            "DELETE FROM alphapulse.repeatable WHERE name = 'portfolio.movements'",
            schema.Revision.BEHIND,
            "of an older version; run `alphapulse up`",
        ),
        (
            "UPDATE alphapulse.alembic_version SET version_num = '9999'",
            schema.Revision.AHEAD,
            "of a newer version of AlphaPulse; update this project",
        ),
    ],
)
def test_another_schema_is_one_sentence(
    db: DB, change: str, state: schema.Revision, words: str
) -> None:
    schema.require_current(db)
    db.execute(change.encode())
    assert schema.revision(db) is state
    with pytest.raises(schema.SchemaMismatch, match=words) as caught:
        schema.require_current(db)
    assert "\n" not in str(caught.value)


def test_migrating_again_changes_nothing(database: str, db: DB) -> None:
    write(db, Batches("bybit", "trades", [Batch([trade()])]), "run")
    done = schema.migrate(database)
    assert db.execute("SELECT count(*) FROM alphapulse.trades").fetchone() == (1,)
    assert (done.migrations, done.tables, done.views) == ([], [], [])
    assert done.before == done.after is not None


def test_a_newer_database_is_not_migrated(database: str, db: DB) -> None:
    db.execute("UPDATE alphapulse.alembic_version SET version_num = '9999'")
    with pytest.raises(schema.SchemaMismatch, match="newer version"):
        schema.migrate(database)


def test_a_database_is_made_once(server: EmbeddedServer) -> None:
    url = server.url("postgres")
    name = 'strange "name" %41'
    made = schema.ensure_database(url, name)
    assert schema.ensure_database(url, name) == made
    with connect(made) as connection:
        assert connection.info.dbname == name
    with connect(url) as connection:
        connection.execute('DROP DATABASE "strange ""name"" %41"')


def test_a_database_that_may_not_be_made(server: EmbeddedServer) -> None:
    with connect(server.url("postgres")) as connection:
        connection.execute("CREATE ROLE poor LOGIN")
        try:
            with pytest.raises(SettingsError, match="CREATE DATABASE demo OWNER poor"):
                schema.ensure_database(server.url("postgres", user="poor"), "demo")
        finally:
            connection.execute("DROP ROLE poor")


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("postgresql://nobody:hunter2hunter2@127.0.0.1:1/db", "cannot connect to the database: "),
        (
            "postgresql://me:hunter2%hunter2@localhost/db",
            "ALPHAPULSE_POSTGRES_URL is not a valid URL",
        ),
    ],
)
def test_no_way_in_is_one_sentence_without_the_password(url: str, words: str) -> None:
    with pytest.raises(DatabaseUnavailable, match=words) as caught:
        connect(url)
    assert "\n" not in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_before_the_first_sync_a_query_is_told_to_sync(server: EmbeddedServer) -> None:
    url = schema.ensure_database(server.url("postgres"), "never_synced")
    with pytest.raises(schema.SchemaMismatch, match="no tables yet; run `alphapulse up`"):
        schema.connect_as_reader(url)


def test_options_of_the_url_stay(database: str) -> None:
    with connect(f"{database}&options=-c%20work_mem%3D7MB") as connection:
        assert connection.execute("SHOW work_mem").fetchone() == ("7MB",)
        assert connection.execute("SHOW TimeZone").fetchone() == ("UTC",)


def test_either_side_notices_that_the_other_machine_is_gone(database: str) -> None:
    """Otherwise PostgreSQL would keep the lock of an account for hours. (It ignores the settings of
    its own side for unix sockets.)"""
    with connect(f"{database}&keepalives_idle=7&options=-c%20tcp_user_timeout%3D9") as connection:
        given = connection.info.get_parameters()
    assert KEEPALIVES.items() - given.items() == {("keepalives_idle", "60")}
    assert given["keepalives_idle"] == "7"
    assert given["options"].startswith(f"{SERVER_KEEPALIVES} -c tcp_user_timeout=9 ")


@pytest.fixture
def reader(database: str, db: DB) -> Iterator[DB]:
    schema.migrate(database)  # a database's own rights are not copied with it
    db.execute("CREATE TABLE public.runs AS SELECT 'secret' AS body")
    db.execute("CREATE TABLE public.event_logs AS SELECT 'secret' AS event")
    write(db, Batches("bybit", "trades", [Batch([trade()])]), "run")
    with schema.connect_as_reader(database) as connection:
        yield connection


def test_a_reader_reads_every_table_and_view(reader: DB) -> None:
    names = {
        f"{namespace}.{name}"
        for namespace, name in reader.execute(
            "SELECT relnamespace::regnamespace, relname FROM pg_class WHERE relkind IN ('r', 'v')"
            " AND relnamespace::regnamespace::text IN ('alphapulse', 'portfolio')"
        )
    }
    assert {"alphapulse.trades", "alphapulse.sync_status", "portfolio.reconciliation"} <= names
    for name in names:
        reader.execute(f"SELECT * FROM {name}".encode())
    assert reader.execute("SELECT count(*) FROM trades").fetchone() == (1,)


@pytest.mark.parametrize("namespace", ["alphapulse", "portfolio"])
def test_a_reader_reads_what_later_migrations_add(reader: DB, db: DB, namespace: str) -> None:
    db.execute(f"CREATE TABLE {namespace}.later AS SELECT 1 AS one".encode())
    assert reader.execute(f"SELECT one FROM {namespace}.later".encode()).fetchone() == (1,)


def test_a_reader_asks_what_a_time_s_price_was(reader: DB, db: DB) -> None:
    db.execute("INSERT INTO portfolio.prices VALUES ('BTC', now(), 60000.1, '{}', now())")
    price = reader.execute("SELECT portfolio.price_at('BTC', now())").fetchone()
    assert price == (Decimal("60000.1"),)


OWNER = "postgres"


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO snapshots VALUES ('a', 'b', now(), 'c', 1)",
        "UPDATE trades SET price = 1",
        "DELETE FROM trades",
        "TRUNCATE trades",
        "DROP TABLE trades",
        "CREATE TABLE alphapulse.mine (a int)",
        "CREATE TABLE public.mine (a int)",
        "CREATE SCHEMA mine",
        "SELECT * FROM public.runs",
        "SELECT * FROM pg_authid",
        "SELECT pg_read_file('/etc/passwd')",
        "SELECT pg_ls_dir('/')",
        "SELECT lo_import('/etc/passwd')",
        "COPY trades TO PROGRAM 'cat'",
        "COPY (SELECT 1) TO '/tmp/alphapulse_reader'",
        f"SET ROLE {OWNER}",
        f"SET SESSION AUTHORIZATION {OWNER}",
        "RESET ROLE; DELETE FROM trades",
        "RESET SESSION AUTHORIZATION; DELETE FROM trades",
        "DO $$BEGIN RESET ROLE; DELETE FROM alphapulse.trades; END$$",
        f"DO $$BEGIN EXECUTE 'SET SESSION AUTHORIZATION {OWNER}'; END$$",
        "DO $$BEGIN PERFORM * FROM public.runs; END$$",
        "ALTER ROLE alphapulse_reader SUPERUSER",
        "ALTER SYSTEM SET fsync = off",
        # of others
        "SELECT * FROM public.event_logs",
        "SELECT * FROM pg_shadow",
        "SELECT * FROM pg_hba_file_rules",
        "SHOW data_directory",
        f"GRANT {OWNER} TO alphapulse_reader",
        "SET ROLE pg_read_server_files",
        "CREATE ROLE mine",
        "CREATE DATABASE mine",
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'postgres'",
        "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE usename = 'postgres'",
        "SELECT pg_reload_conf()",
        "CHECKPOINT",
        # programs
        "CREATE EXTENSION vector",
        "LOAD '/tmp/mine.so'",
        "SET session_preload_libraries = 'mine'",
        "CREATE FUNCTION public.mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "CREATE FUNCTION pg_temp.mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "CREATE FUNCTION pg_temp.mine() RETURNS int LANGUAGE c AS 'libc.so.6', 'system'",
        "DO $$BEGIN EXECUTE 'COPY alphapulse.trades FROM PROGRAM $a$id$a$'; END$$",
        # room on the disk
        "CREATE TEMP TABLE mine AS SELECT 1",
        "SELECT 1 AS one INTO TEMP mine",
        "SELECT lo_create(0)",
        "SELECT lo_creat(-1)",
        "SELECT lo_from_bytea(0, 'mine')",
        "SELECT pg_logical_emit_message(false, 'mine', 'mine')",
        "SELECT pg_logical_emit_message(true, 'mine', 'mine'::bytea)",
        # what others would wait for
        "SELECT * FROM trades FOR UPDATE",
        "SELECT * FROM trades FOR KEY SHARE",
        "BEGIN; LOCK TABLE trades IN SHARE MODE",
        "BEGIN; LOCK TABLE trades IN ACCESS EXCLUSIVE MODE",
        "SELECT pg_advisory_lock(hashtextextended('alphapulse account bybit', 0))",
        "SELECT pg_try_advisory_lock(1, 2)",
        "SELECT pg_advisory_xact_lock(1)",
        "SELECT pg_advisory_lock_shared(1)",
        "SELECT pg_try_advisory_xact_lock_shared(1)",
    ],
)
@pytest.mark.parametrize("left_read_only", [False, True])
def test_a_reader_can_only_read(reader: DB, db: DB, statement: str, left_read_only: bool) -> None:
    if left_read_only:  # the setting is a courtesy: rights are what counts
        reader.execute("SET default_transaction_read_only = off")
    refused = (errors.InsufficientPrivilege, errors.ReadOnlySqlTransaction)
    with pytest.raises(refused[:1] if left_read_only else refused):
        reader.execute(statement.encode())
    assert db.execute("SELECT trade_id FROM alphapulse.trades").fetchall() == [("1",)]


def test_a_reader_does_not_see_what_others_ask(reader: DB, db: DB) -> None:
    db.execute("SELECT 'recognisable'")
    query = "SELECT query FROM pg_stat_activity WHERE pid = %s"
    asked = reader.execute(query.encode(), [db.info.backend_pid]).fetchone()
    assert asked == ("<insufficient privilege>",)
    passwords = reader.execute("SELECT DISTINCT rolpassword FROM pg_roles").fetchall()
    assert passwords == [("********",)]


def test_no_function_that_everybody_has_takes_locks_or_writes(reader: DB) -> None:
    """Those of the server that the tests run on: a newer one may have more."""
    names = reader.execute(
        "SELECT proname FROM pg_proc WHERE has_function_privilege(oid, 'EXECUTE')"
        " AND proname ~ '^(lo_|pg_(try_)?advisory|pg_logical|pg_(create|drop|switch|rotate))'"
        " AND proname !~ 'unlock|slot'"
    ).fetchall()
    # slots are for those with REPLICATION; large objects must be there first
    there = {"open", "close", "tell", "tell64", "lseek", "lseek64", "get", "put", "unlink"}
    there |= {"truncate", "truncate64"}
    assert {name for (name,) in names} <= {f"lo_{name}" for name in there}


def test_the_owner_still_takes_locks_where_a_superuser_made_the_tables(
    server: EmbeddedServer,
) -> None:
    with connect(server.url("postgres")) as admin:
        admin.execute("CREATE ROLE ordinary LOGIN")
        admin.execute("CREATE DATABASE of_ordinary OWNER ordinary")
        try:
            schema.migrate(server.url("of_ordinary"))
            with connect(server.url("of_ordinary", user="ordinary")) as connection:
                with account_lock(connection, "bybit"):
                    assert account_is_busy(connection, "bybit")
                connection.execute("CREATE TEMP TABLE mine (a int)")
        finally:
            admin.execute("DROP DATABASE of_ordinary WITH (FORCE)")
            admin.execute("DROP ROLE ordinary")


def test_what_a_reader_changes_of_itself_is_put_back(database: str, reader: DB, db: DB) -> None:
    reader.execute("SET default_transaction_read_only = off")
    name = db.info.dbname
    for change in (
        "SET default_transaction_read_only = off",
        "SET search_path = pg_temp",
        f"IN DATABASE {name} SET work_mem = '4GB'",
    ):
        reader.execute(f"ALTER ROLE alphapulse_reader {change}".encode())
    schema.migrate(database)
    with schema.connect_as_reader(database) as again:
        found = [
            again.execute(f"SHOW {setting}".encode()).fetchone()
            for setting in ("default_transaction_read_only", "statement_timeout", "work_mem")
        ]
    assert found == [("on",), ("10min",), ("4MB",)]


def test_readers_cannot_use_up_all_connections(database: str) -> None:
    with ExitStack() as stack:
        for _ in range(20):
            stack.enter_context(schema.connect_as_reader(database))
        with pytest.raises(SettingsError, match="too many connections for role") as refused:
            schema.connect_as_reader(database)
        assert "pg_stat_activity" in refused.value.fix
        assert "CREATEROLE" not in refused.value.fix
        connect(database).close()


@pytest.mark.parametrize("message", TOO_MANY)
def test_too_many_connections_are_no_wrong_url(
    message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise psycopg.OperationalError(f"connection failed: FATAL:  {message}")

    monkeypatch.setattr(psycopg, "connect", refuse)
    with pytest.raises(TooManyConnections, match=message.split(" (")[0]) as refused:
        connect("postgresql:///db")
    assert "max_connections" in refused.value.fix
    assert "ALPHAPULSE_POSTGRES_URL" not in refused.value.fix


def test_a_reader_that_exists_but_is_not_admitted_needs_no_createrole(
    database: str, db: DB
) -> None:
    schema.migrate(database)
    db.execute("ALTER ROLE alphapulse_reader NOLOGIN")
    try:
        with pytest.raises(SettingsError, match="not permitted to log in") as refused:
            schema.connect_as_reader(database)
    finally:
        db.execute("ALTER ROLE alphapulse_reader LOGIN")
    assert "`ALTER ROLE alphapulse_reader LOGIN`" in refused.value.fix
    assert "CREATEROLE" not in refused.value.fix


def test_a_reader_is_nobody_else_whatever_the_url_says() -> None:
    for url in (
        "postgresql:///db?host=/tmp&user=postgres&password=owner",
        "postgresql://postgres:owner@/db?host=/tmp",
    ):
        found = conninfo_to_dict(schema.reader_url(url))
        assert found["user"] == schema.READER
        assert found["dbname"] == "db"
        assert found["password"] not in (None, "owner")
    assert "password" not in conninfo_to_dict(schema.reader_url("postgresql:///db?user=postgres"))
    one, two = (schema.reader_url(f"postgresql://u:{p}@h/db") for p in ("a%40", "a%41"))
    assert one != two
