"""CSV that a spreadsheet may open: no text of an exchange is a formula, and none is changed."""

import csv
import io
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import Connection, sql
from psycopg.rows import TupleRow, dict_row

from alphapulse_pipeline.datasets import DATASETS, HISTORIES, PROVENANCE
from alphapulse_pipeline.warehouse import deployed, stored_markets
from alphapulse_pipeline.warehouse.batches import Batch, Batches
from alphapulse_pipeline.warehouse.export import to_csv
from alphapulse_pipeline.warehouse.formula_cells import protect, protected, restore
from alphapulse_pipeline.warehouse.imports.store import import_file
from alphapulse_pipeline.warehouse.writer import write
from alphapulse_pipeline_tests.warehouse.rows import T0, trade

DB = Connection[TupleRow]
AGAIN = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
FORMULAS = "=+-@\t\r"

characters = st.characters(exclude_characters="\0", codec="utf-8")
texts = st.text(st.sampled_from([*FORMULAS, *"'1.e0A,;\"\n"]) | characters, min_size=1, max_size=12)
names = texts.filter(lambda t: t == t.rstrip() and (t == t.lstrip() or t[0] in FORMULAS))
"""An import ignores white space around a cell, which people write after commas."""


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("BTC/USDT", "BTC/USDT"),
        ("=1+1", "'=1+1"),
        ("+cmd|' /C calc'!A0", "'+cmd|' /C calc'!A0"),
        ("-2+3", "'-2+3"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t=1"),
        ("\r=1", "'\r=1"),
        ("'=1", "''=1"),
        ("''-5", "'''-5"),
        # only numbers
        ("-5", "-5"),
        ("+0.5e-7", "+0.5e-7"),
        ("-.5", "-.5"),
        ("-5\n", "'-5\n"),
        ("-\u0665", "'-\u0665"),  # a digit, but not of PostgreSQL
        # no formula
        ("'tis", "'tis"),
        ("a=1", "a=1"),
        ("", ""),
    ],
)
def test_what_gets_an_apostrophe(text: str, cell: str) -> None:
    assert protect(text) == cell
    assert restore(cell) == text


@given(texts)
def test_every_text_comes_back(text: str) -> None:
    assert restore(protect(text)) == text


@given(texts)
@AGAIN
def test_postgresql_does_the_same(db: DB, text: str) -> None:
    cell = protected(sql.SQL("%(text)s::text"))
    assert db.execute(sql.SQL("SELECT ") + cell, {"text": text}).fetchone() == (protect(text),)


def exported(db: DB, query: str) -> list[dict[str, str]]:
    file = io.BytesIO()
    to_csv(db, query, file)
    return list(csv.DictReader(io.StringIO(file.getvalue().decode(), newline="")))


def test_only_text_is_protected(db: DB) -> None:
    query = (
        "SELECT '=1'::text AS a, '-5'::text AS b, -0.10 AS c, -1e-20::numeric AS d, '=1' AS \"=e\","
        " '-infinity'::timestamptz AS f, interval '-1 h' AS g, '\"=1\"'::jsonb AS h, NULL AS i,"
        " '=1'::varchar(5) AS j, '=1'::name AS k"
    )
    (row,) = exported(db, query)
    assert row == {
        "a": "'=1", "b": "-5", "c": "-0.10", "d": "-0.00000000000000000001", "=e": "'=1",
        "f": "-infinity", "g": "-01:00:00", "h": '"=1"', "i": "", "j": "'=1", "k": "'=1",
    }  # fmt: skip


def test_a_query_keeps_its_order_and_its_equal_names(db: DB) -> None:
    file = io.BytesIO()
    to_csv(db, "SELECT -n AS a, '=' || n AS a FROM generate_series(1, 3) AS n ORDER BY n", file)
    assert file.getvalue() == b"a,a\n-1,'=1\n-2,'=2\n-3,'=3\n"


@given(st.lists(st.tuples(names, names, names, names), min_size=1, max_size=4))
@AGAIN
def test_an_exported_table_is_imported_unchanged(
    db: DB, tmp_path: Path, given: list[tuple[str, ...]]
) -> None:
    rows = [
        trade(
            f"{id_}{n}",
            market=market,
            wallet=wallet,
            order_id=order,
            fee_currency=id_,
            fee_cost=Decimal("-0.10"),
        )
        for n, (market, id_, wallet, order) in enumerate(given)
    ]
    with db.transaction(force_rollback=True):
        deployed.register(db, "main", "bybit", [(d, True, None) for d in HISTORIES])
        markets = [{"market": m, "raw_id": "", "type": "spot"} for m in {g[0] for g in given}]
        nothing = dict.fromkeys(("base", "quote", "settle", "contract_size"))
        stored_markets.store_markets(
            db, "main", [m | nothing | {"active": True, "seen_at": T0} for m in markets]
        )
        write(db, Batches("main", "trades", [Batch(rows)]), "run")
        before = stored(db)
        file = tmp_path / "trades.csv"
        with file.open("wb") as out:
            to_csv(db, "SELECT * FROM alphapulse.trades", out)
        db.execute("DELETE FROM alphapulse.trades")
        assert import_file(db, "main", HISTORIES["trades"], file).new == len(rows)
        assert stored(db) == before


def stored(db: DB) -> list[dict[str, Any]]:
    """All but what differs between a row from the exchange and the same row from a file."""
    ours = [c.name for c in DATASETS["trades"].columns if c.name not in PROVENANCE | {"raw"}]
    query = f"SELECT {', '.join(ours)} FROM alphapulse.trades ORDER BY trade_id"
    return db.cursor(row_factory=dict_row).execute(query.encode()).fetchall()
