"""A derived table that is one SQL file and one line: refreshed and exported."""

from pathlib import Path

import psycopg
import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.portfolio import queries
from alphapulse_pipeline.portfolio.query_table import from_query
from alphapulse_pipeline.settings.errors import UserError
from alphapulse_pipeline.settings.portfolio import PortfolioSettings
from alphapulse_pipeline.warehouse import schema
from alphapulse_pipeline.warehouse.export import to_csv
from alphapulse_pipeline_tests.portfolio import example

DB = Connection[TupleRow]
DOLLARS = PortfolioSettings()
FILE = """\
-- Realized profit of each asset,
-- over all accounts.
--
-- asset: The asset's name.
-- profit: Proceeds less cost,
--   in the reporting currency.
SELECT asset, sum(pnl) AS profit -- asset: not a comment of a column
FROM portfolio.realized_pnl WHERE asset NOT LIKE '%-C' GROUP BY asset ORDER BY asset;
"""
DESCRIPTION = "Realized profit of each asset, over all accounts."


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(queries, "FOLDER", tmp_path)
    (tmp_path / "profit_by_asset.sql").write_text(FILE)
    return tmp_path


def refresh(db: DB) -> int:
    return int(from_query("profit_by_asset").refresh(db, DOLLARS)["rows"])


def profits(db: DB) -> list[TupleRow]:
    return db.execute("SELECT asset, profit FROM portfolio.profit_by_asset").fetchall()


@pytest.mark.usefixtures("folder")
def test_every_refresh_recalculates_all_rows(held: DB) -> None:
    assert refresh(held) == 3
    before = profits(held)
    assert [asset for asset, _ in before] == ["BTC", "ETH", "SOL"]
    held.execute("DELETE FROM portfolio.matched_lines WHERE asset = 'BTC'")
    assert refresh(held) == 2
    assert profits(held) == before[1:]


@pytest.mark.usefixtures("folder")
def test_a_failed_refresh_keeps_the_old_rows(held: DB) -> None:
    refresh(held)
    before = profits(held)
    held.execute("ALTER TABLE portfolio.profit_by_asset ADD CHECK (asset <> 'NEW')")
    held.execute("UPDATE portfolio.matched_lines SET asset = 'NEW' WHERE asset = 'SOL'")
    with pytest.raises(psycopg.errors.CheckViolation):
        refresh(held)
    assert profits(held) == before


def test_a_query_with_different_columns_replaces_the_table(held: DB, folder: Path) -> None:
    refresh(held)
    (folder / "profit_by_asset.sql").write_text(FILE.replace("profit", "gain"))
    assert refresh(held) == 3
    assert held.execute("SELECT sum(gain) > 0 FROM portfolio.profit_by_asset").fetchone()


def test_a_table_that_something_depends_on_is_not_replaced(held: DB, folder: Path) -> None:
    refresh(held)
    held.execute("CREATE VIEW public.profits AS TABLE portfolio.profit_by_asset")
    (folder / "profit_by_asset.sql").write_text(FILE.replace("profit", "gain"))
    with pytest.raises(UserError, match=r"view profits depends .*; drop what depends"):
        refresh(held)


def test_a_table_of_the_schema_is_never_replaced(held: DB, folder: Path) -> None:
    (folder / "lots.sql").write_text(FILE)
    with pytest.raises(UserError, match=r"the table portfolio\.lots exists"):
        from_query("lots").refresh(held, DOLLARS)
    assert held.execute("SELECT count(*) FROM portfolio.lots").fetchone() == (2,)


def test_the_comments_of_the_file_are_those_of_the_table(held: DB, folder: Path) -> None:
    def comments() -> list[str]:
        return [
            text
            for (text,) in held.execute(
                "SELECT description FROM pg_description"
                " WHERE objoid = 'portfolio.profit_by_asset'::regclass ORDER BY objsubid"
            )
        ]

    refresh(held)
    found = comments()
    assert found[0].startswith(DESCRIPTION)
    assert found[1:] == ["The asset's name.", "Proceeds less cost, in the reporting currency."]
    (folder / "profit_by_asset.sql").write_text(FILE.replace("The asset's name", "Its name"))
    refresh(held)
    assert comments()[1] == "Its name."


def test_a_comment_of_a_column_that_does_not_exist_is_an_error(held: DB, folder: Path) -> None:
    (folder / "profit_by_asset.sql").write_text(FILE.replace("AS profit", "AS gain"))
    with pytest.raises(UserError, match="describes columns that its query does not have: profit"):
        refresh(held)


def test_a_file_without_a_description_is_refused(folder: Path) -> None:
    (folder / "profit_by_asset.sql").write_text("SELECT 1 AS one")
    with pytest.raises(ValueError, match="must begin with a comment"):
        from_query("profit_by_asset")


@pytest.mark.usefixtures("folder")
def test_the_read_only_role_exports_it(db: DB, database: str, tmp_path: Path) -> None:
    schema.migrate(database)  # grants and default privileges belong to each database
    example.fill(db)
    refresh(db)
    with schema.connect_as_reader(database) as reader, (tmp_path / "x.csv").open("wb") as file:
        to_csv(reader, "SELECT * FROM portfolio.profit_by_asset", file)
    header, *rows = (tmp_path / "x.csv").read_text().splitlines()
    assert (header, len(rows)) == ("asset,profit", 3)
