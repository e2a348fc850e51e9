"""Balances and histories read from a live account reconcile to the last digit."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.portfolio import residuals
from alphapulse_pipeline.portfolio.reconciliation import refresh
from alphapulse_pipeline.settings.portfolio import PortfolioSettings
from alphapulse_pipeline.warehouse.embedded import EmbeddedServer
from alphapulse_pipeline_tests.portfolio.living import living, without_limits
from alphapulse_pipeline_tests.sync.reliability.scene import BEFORE, HOUR, Scene
from exchange_simulator import EXCHANGES, World

DB = Connection[TupleRow]
Place = tuple[str, str, datetime]
"""Wallet, asset, the end of the window."""

# Between two snapshots, and none of the seconds in which one was read.
_INSIDE = """
 happened_at > (SELECT min(captured_at) FROM alphapulse.snapshots WHERE dataset = 'balances')
 AND happened_at < (SELECT max(captured_at) FROM alphapulse.snapshots WHERE dataset = 'balances')
 AND NOT EXISTS (SELECT FROM alphapulse.snapshots WHERE dataset = 'balances'
     AND abs(extract(epoch FROM captured_at - happened_at)) < 10)
"""


def reconcile(db: DB) -> Mapping[str, Any]:
    return refresh(db, PortfolioSettings())


def found(db: DB, *states: str) -> dict[Place, Decimal]:
    """The residuals of the windows in these states."""
    rows = db.execute(
        "SELECT wallet, asset, closed_at, residual FROM portfolio.reconciliation"
        " WHERE state = ANY(%s)",
        [list(states)],
    ).fetchall()
    return {(wallet, asset, closed_at): residual for wallet, asset, closed_at, residual in rows}


def moved(db: DB, dataset: str, entry: str) -> dict[Place, Decimal]:
    """What an entry moved, by the window in which it did."""
    rows = db.execute(
        "SELECT wallet, asset, (SELECT min(captured_at) FROM alphapulse.snapshots"
        " WHERE dataset = 'balances' AND captured_at >= happened_at) AS closed_at, sum(amount)"
        " FROM portfolio.movements WHERE dataset = %s AND entry = %s GROUP BY 1, 2, 3",
        [dataset, entry],
    ).fetchall()
    return {(wallet, asset, at): amount for wallet, asset, at, amount in rows if amount}


def of_ledger(db: DB, part: str) -> dict[Place, Decimal]:
    """What entries of the ledger moved of this part, by the window in which they did."""
    entries = db.execute(
        "SELECT DISTINCT entry FROM portfolio.movements WHERE dataset = 'ledger' AND part = %s",
        [part],
    ).fetchall()
    return {place: amount for (e,) in entries for place, amount in moved(db, "ledger", e).items()}


def an_entry(db: DB, dataset: str, where: str = "true") -> str:
    """Some entry of a history, in the middle of the time that snapshots span."""
    row = db.execute(
        f"SELECT entry FROM portfolio.movements WHERE dataset = %s AND {_INSIDE} AND {where}"
        " GROUP BY entry ORDER BY min(happened_at), entry OFFSET 1".encode(),
        [dataset],
    ).fetchone()
    assert row, f"nothing happens in {dataset}"
    return str(row[0])


def test_every_balance_reconciles(lived: Scene) -> None:
    with lived.database() as (_, db):
        assert reconcile(db)["balances"] > 100
        assert found(db, "break", "unverifiable", "pending") == {}
        assert found(db, "reconciled")
        assert residuals.find(db).rows == []


def test_a_second_refresh_recalculates_nothing(lived: Scene) -> None:
    with lived.database() as (_, db):
        reconcile(db)
        assert reconcile(db)["balances"] == 0


@pytest.mark.nightly
@pytest.mark.parametrize("exchange", EXCHANGES)
def test_two_years_reconcile(exchange: str, server: EmbeddedServer) -> None:
    """Read every four days, with loans, called-off withdrawals, liquidations, a delisted market."""
    genesis = datetime.fromtimestamp(BEFORE / 1000, UTC) - timedelta(days=729)
    world = World(seed=11, genesis=genesis, ties=130)
    start = int((genesis + timedelta(days=2)).timestamp() * 1000)
    with (
        without_limits() as export,
        living(
            exchange,
            server,
            world,
            ["balances"],
            export,
            steps=181,
            step=96 * HOUR + 7_321,
            since=start,
        ) as scene,
        scene.database() as (_, db),
    ):
        assert reconcile(db)["balances"] > 1000
        assert found(db, "break", "unverifiable", "pending") == {}


KEYS = {
    "trades": "market || ' ' || trade_id",
    "transfers": "kind || ' ' || transfer_id",
    "funding": "market || ' ' || funding_id",
}
KINDS = {
    "trades": ("trades", "entry NOT LIKE '%%:%%'"),
    "contracts": ("trades", "entry LIKE '%%:%%'"),
    "transfers": ("transfers", "true"),
    "funding": ("funding", "true"),
}
LACKS = {("kraken", "funding"), ("kraken", "contracts")}


@pytest.mark.parametrize("late", [False, True], ids=["at once", "late"])
@pytest.mark.parametrize("what", KINDS)
def test_a_deleted_row_is_a_break(lived: Scene, what: str, late: bool) -> None:
    """In the right window and asset, whether it is deleted before the first refresh or after it.
    Of what is no fill, the ledger's own entries count instead, where there is a ledger."""
    if (lived.exchange, what) in LACKS:
        return
    dataset, where = KINDS[what]
    with lived.database() as (_, db):
        if late:
            reconcile(db)
        entry = an_entry(db, dataset, where)
        wanted = moved(db, dataset, entry)
        # the profit of sessions, which is booked together with funding
        counted = of_ledger(db, dataset)
        take_away(db, dataset, entry)
        if dataset != "trades":
            booked = {place: amount for place, amount in wanted.items() if has_ledger(db, place[0])}
            assert of_ledger(db, dataset) == counted | {
                place: amount + counted.get(place, 0) for place, amount in booked.items()
            }
            wanted = {place: wanted[place] for place in wanted.keys() - booked.keys()}
        reconcile(db)
        assert found(db, "break", "unverifiable") == wanted
        for wallet, *_ in found(db, "unverifiable"):
            assert not has_ledger(db, wallet)
        assert all(row.suspects for row in residuals.find(db).rows)
        put_back(db, dataset)
        assert of_ledger(db, dataset) == counted
        reconcile(db)
        assert found(db, "break", "unverifiable", "pending") == {}


def test_a_history_that_is_not_synced_is_unverifiable_and_no_break(lived: Scene) -> None:
    with lived.database() as (_, db):
        db.execute("DELETE FROM alphapulse.datasets WHERE dataset = 'trades'")
        take_away(db, "trades", an_entry(db, "trades"))
        reconcile(db)
        assert found(db, "unverifiable")
        assert not found(db, "break", "pending")


def test_rewritten_rows_that_every_table_has_read_are_deleted(lived: Scene) -> None:
    """The log of changed and deleted rows does not grow."""
    with lived.database() as (_, db):
        reconcile(db)
        take_away(db, "trades", an_entry(db, "trades"))
        assert db.execute("SELECT count(*) FROM portfolio.rewritten").fetchone() == (1,)
        reconcile(db)
        reconcile(db)
        assert db.execute("SELECT count(*) FROM portfolio.rewritten").fetchone() == (0,)


def test_a_fee_that_is_wrong_in_its_last_digit_is_seen(lived: Scene) -> None:
    with lived.database() as (_, db):
        reconcile(db)
        entry = an_entry(db, "trades", "part = 'fees'")
        row = db.execute(
            "UPDATE alphapulse.trades SET fee_cost = fee_cost + 0.00000001"
            f" WHERE {KEYS['trades']} = %s RETURNING wallet, fee_currency, executed_at".encode(),
            [entry],
        ).fetchone()
        assert row
        wallet, asset, at = row
        reconcile(db)
        ((place, residual),) = found(db, "break", "unverifiable").items()
        assert (place[:2], residual) == ((wallet, asset), Decimal("0.00000001"))
        assert at < place[2]
        assert found(db, "break" if has_ledger(db, wallet) else "unverifiable")


def test_without_a_ledger_an_order_reveals_a_lost_fill(lived: Scene) -> None:
    """So that it is an error, and not only unverifiable."""
    with lived.database() as (_, db):
        entry = an_entry(db, "trades", "entry NOT LIKE '%%:%%'")
        take_away(db, "trades", entry)
        reconcile(db)
        assert found(db, "break")
        assert not found(db, "unverifiable")


def test_what_is_not_covered_yet_is_pending(lived: Scene) -> None:
    with lived.database() as (_, db):
        entry = an_entry(db, "trades")
        wanted = moved(db, "trades", entry)
        take_away(db, "trades", entry)
        db.execute(
            "UPDATE alphapulse.coverage SET covered = covered - tstzmultirange(tstzrange("
            " (SELECT executed_at FROM kept), (SELECT executed_at + interval '1 ms' FROM kept)))"
            " WHERE dataset = 'trades'"
        )
        reconcile(db)
        assert found(db, "pending") == wanted
        assert found(db, "break", "unverifiable") == {}


def has_ledger(db: DB, wallet: str) -> bool:
    return (
        db.execute("SELECT FROM alphapulse.ledger WHERE wallet = %s", [wallet]).fetchone()
        is not None
    )


def take_away(db: DB, dataset: str, entry: str) -> None:
    """By hand."""
    where = f"FROM alphapulse.{dataset} WHERE {KEYS[dataset]} = %s".encode()
    db.execute(b"CREATE TABLE kept AS SELECT * " + where, [entry])
    db.execute(b"DELETE " + where, [entry])


def put_back(db: DB, dataset: str) -> None:
    """As a sync would."""
    db.execute("UPDATE kept SET recorded_at = clock_timestamp()")
    db.execute(f"INSERT INTO alphapulse.{dataset} SELECT * FROM kept".encode())
