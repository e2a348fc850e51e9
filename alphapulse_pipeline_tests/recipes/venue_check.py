"""What holds once the recipe "Add a venue" was followed: test_recipes runs this on a copy."""

from collections.abc import Callable

from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.exchange.venues import VENUES
from alphapulse_pipeline.exchange.venues.support_matrix import page
from alphapulse_pipeline.settings.accounts import Account
from alphapulse_pipeline_tests.sync.hollaex import (
    Hollaex,
    fills,
    its_account,
    serving,
    stored,
    sync,
    truth,
)


def test_its_fills_are_read_merged_and_covered(
    make_account: Callable[..., Account], database: str, db: Connection[TupleRow]
) -> None:
    exchange = Hollaex(fills(seed=5, count=300))
    with serving(exchange) as url:
        account = its_account(make_account, url)
        sync(account, database)
    assert stored(db) == truth(exchange)
    assert db.execute("SELECT * FROM alphapulse.coverage_gaps").fetchall() == []
    assert db.execute("SELECT DISTINCT stream FROM alphapulse.streams").fetchall() == [("spot",)]


def test_it_is_a_venue_of_its_own() -> None:
    assert "hollaex" in VENUES
    [line] = [line for line in page().splitlines() if line.startswith("| `hollaex` ")]
    assert "proven" in line
    assert "best effort" not in line
