"""Poolers: in transaction mode they would give two runs the lock of one account."""

from urllib.parse import parse_qs, urlsplit

import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.warehouse import schema
from alphapulse_pipeline.warehouse.connection import (
    DatabaseUnavailable,
    account_lock_if_free,
    connect,
    require_session,
)
from alphapulse_pipeline_tests.warehouse.transaction_pooler import transaction_pooler


def socket_of(url: str) -> str:
    query = parse_qs(urlsplit(url).query)
    return f"{query['host'][0]}/.s.PGSQL.{query['port'][0]}"


def test_a_pooler_in_transaction_mode_is_refused(database: str, db: Connection[TupleRow]) -> None:
    with transaction_pooler(socket_of(database)) as port:
        url = f"postgresql://postgres@127.0.0.1:{port}/{db.info.dbname}?sslmode=disable"
        with (
            connect(url) as one,
            connect(url) as two,
            account_lock_if_free(one, "bybit") as first,
            account_lock_if_free(two, "bybit") as second,
        ):
            assert (first, second) == (True, True)  # what would happen
        with pytest.raises(DatabaseUnavailable) as refused:
            schema.migrate(url)
    assert str(refused.value) == (
        "a connection pooler in transaction mode is in front of the database: the locks that keep "
        "an account to one run would not hold; set ALPHAPULSE_POSTGRES_URL to PostgreSQL itself, "
        "or to a pooler in session mode that passes the connections' options on"
    )


def test_a_pooler_that_drops_our_options_is_refused(
    database: str, db: Connection[TupleRow]
) -> None:
    with transaction_pooler(socket_of(database), options=False) as port:
        url = f"postgresql://postgres@127.0.0.1:{port}/{db.info.dbname}?sslmode=disable"
        with pytest.raises(DatabaseUnavailable, match="drops the options of our connections"):
            schema.migrate(url)


def test_connections_with_a_session_of_their_own_are_accepted(database: str) -> None:
    with connect(database) as connection:
        require_session(connection, database)
