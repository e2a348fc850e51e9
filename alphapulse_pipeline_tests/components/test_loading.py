"""Every asset's value, as a downstream asset or a notebook loads it: exact, and of one type."""

import re
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import dagster as dg
import pandas
import pytest
from psycopg import Connection, sql
from psycopg.rows import TupleRow

from alphapulse_pipeline.components.exchange_account import account_definitions
from alphapulse_pipeline.components.portfolio import portfolio_definitions
from alphapulse_pipeline.datasets import DATASETS, Dataset
from alphapulse_pipeline.datasets.table import Type
from alphapulse_pipeline.portfolio.tables import DERIVED, VIEWS
from alphapulse_pipeline.settings.accounts import Account, AccountSettings
from alphapulse_pipeline.settings.environment import POSTGRES_URL
from alphapulse_pipeline.settings.portfolio import PortfolioSettings
from alphapulse_pipeline.warehouse.batches import Batch, Batches
from alphapulse_pipeline.warehouse.connection import connect
from alphapulse_pipeline.warehouse.embedded import EmbeddedServer
from alphapulse_pipeline.warehouse.frames import INFINITE
from alphapulse_pipeline.warehouse.writer import write
from alphapulse_pipeline_tests.bybit_datasets import DATASETS as OF_BYBIT
from alphapulse_pipeline_tests.bybit_datasets import HISTORIES
from alphapulse_pipeline_tests.portfolio import example
from alphapulse_pipeline_tests.warehouse.rows import T0, at

SETTINGS = AccountSettings(exchange="bybit", history_start=date(2026, 9, 1))
MAIN = Account("main", SETTINGS)
EXACT = Decimal("0.10000000000000000000000000000000000001")
DTYPES = {
    "text": "string",
    "boolean": "boolean",
    "integer": "Int64",
    "bigint": "Int64",
    "timestamp with time zone": "datetime64[us, UTC]",
}
DB = Connection[TupleRow]


def row(dataset: Dataset) -> dict[str, Any]:
    """A row with a value in every column that may have one, by the declared types."""
    values = {Type.NUMERIC: EXACT, Type.TIMESTAMP: at(60), Type.JSON: {"id": "1"}}
    filled = set(dataset.written) - {"account", "captured_at", "origin", "run_id"}
    return {
        column.name: values.get(column.type, next(iter(column.values), "x"))
        for column in dataset.columns
        if column.name in filled
    }


@pytest.fixture(scope="module")
def seeded(server: EmbeddedServer) -> Iterator[DB]:
    """A database with rows in every table that is an asset; also in the environment."""
    url = server.url("to_load")
    with connect(server.url("postgres")) as admin, pytest.MonkeyPatch.context() as patch:
        admin.execute("CREATE DATABASE to_load TEMPLATE pristine STRATEGY file_copy")
        patch.setenv(POSTGRES_URL, url)
        with connect(url) as connection:
            example.fill(connection)
            connection.execute(
                "INSERT INTO portfolio.movements_daily (account, wallet, asset, day, fills, fees,"
                " transfers, funding, conversions, other, loans, rise, rise_at) VALUES"
                " ('main', 'unified', 'BTC', '2026-09-01', %s, 0, 0, 0, 0, 0, 0, 0, %s)",
                [EXACT, at(60)],
            )
            connection.execute(
                "INSERT INTO portfolio.position_reconciliation (account, market, opened_at,"
                " closed_at, opening, fills, closing, residual, state, reason) VALUES"
                " ('main', 'BTC/USDT:USDT', %s, %s, 0, %s, 0, 0, 'reconciled', '')",
                [at(0), at(60), EXACT],
            )
            for account in ("main", "other"):
                for dataset in DATASETS.values():
                    captured_at = at(60) if dataset.is_snapshot else None
                    batch = Batch([row(dataset)], captured_at=captured_at)
                    write(connection, Batches(account, dataset.name, [batch]), "run")
            yield connection
        admin.execute("DROP DATABASE to_load WITH (FORCE)")


@pytest.fixture(scope="module")
def definitions() -> dg.Definitions:
    return dg.Definitions.merge(
        account_definitions(MAIN), portfolio_definitions([MAIN], PortfolioSettings())
    )


def stored(db: DB, key: tuple[str, str]) -> tuple[dict[str, str], list[list[str | None]]]:
    """The types of an asset's columns, and its rows as PostgreSQL's own text."""
    account, name = key
    of_account = account != "portfolio"
    relation = sql.Identifier(
        "alphapulse" if of_account else account, DATASETS[name].current if of_account else name
    )
    types: dict[str, str] = dict(
        db.execute(
            "SELECT attname, format_type(atttypid, NULL) FROM pg_attribute"
            " WHERE attrelid = to_regclass(%s) AND attnum > 0 AND NOT attisdropped ORDER BY attnum",
            [relation.as_string(db)],
        ).fetchall()
    )
    texts = sql.SQL("::text, ").join(map(sql.Identifier, types)) + sql.SQL("::text")
    query = sql.SQL("SELECT {} FROM {}").format(texts, relation)
    if of_account:
        query += sql.SQL(" WHERE account = {}").format(account)
    return types, [list(found) for found in db.execute(query).fetchall()]


def in_sql(value: Any, kind: str) -> str | None:
    """A loaded value as PostgreSQL writes it."""
    if value is None or value is pandas.NA or value is pandas.NaT:
        return None
    if kind == "numeric":
        assert type(value) is Decimal, value
        return f"{value:f}"
    if kind == "timestamp with time zone":
        infinite = {pandas.Timestamp(time): text for text, time in INFINITE.items()}
        # PostgreSQL writes the zone as +00 and no zeros after the last digit of a fraction
        return infinite.get(value) or re.sub(r"(\.\d*?)0*\+", r"\1+", str(value))[:-3]
    return str(value).lower() if kind == "boolean" else str(value)


@pytest.mark.parametrize(
    "key",
    [
        *(("main", name) for name in OF_BYBIT),
        *(("portfolio", relation.name) for relation in (*DERIVED, *VIEWS)),
    ],
    ids="/".join,
)
def test_an_assets_value(seeded: DB, definitions: dg.Definitions, key: tuple[str, str]) -> None:
    frame = definitions.load_asset_value(list(key))
    assert isinstance(frame, pandas.DataFrame)
    types, rows = stored(seeded, key)
    assert rows
    assert list(frame.columns) == list(types)
    assert {name: str(frame[name].dtype) for name in types} == {
        name: DTYPES.get(kind, "object") for name, kind in types.items()
    }
    plain = {n: k for n, k in types.items() if k in DTYPES or k == "numeric"}

    loaded = [[in_sql(r[n], k) for n, k in plain.items()] for r in frame.to_dict("records")]
    places = [list(types).index(name) for name in plain]
    assert _sorted(loaded) == _sorted([[cells[place] for place in places] for cells in rows])


def _sorted(rows: list[list[str | None]]) -> list[list[str]]:
    return sorted([str(cell) for cell in cells] for cells in rows)


@pytest.mark.parametrize("name", HISTORIES)
def test_a_day_of_a_history(seeded: DB, definitions: dg.Definitions, name: str) -> None:
    whole = definitions.load_asset_value(["main", name])
    day = definitions.load_asset_value(["main", name], partition_key=f"{T0:%Y-%m-%d}")
    next_day = f"{T0 + timedelta(days=1):%Y-%m-%d}"
    other = definitions.load_asset_value(["main", name], partition_key=next_day)
    assert isinstance(whole, pandas.DataFrame)
    assert isinstance(day, pandas.DataFrame)
    assert isinstance(other, pandas.DataFrame)
    pandas.testing.assert_frame_equal(day, whole)
    assert len(whole) == 1
    assert other.empty
    assert other.dtypes.equals(whole.dtypes)
