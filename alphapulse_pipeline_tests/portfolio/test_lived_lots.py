"""Lots of accounts that were read while they lived on are what their balances show."""

from decimal import Decimal

import pytest

from alphapulse_pipeline_tests.portfolio import bookkeeping as books
from alphapulse_pipeline_tests.portfolio.bookkeeping import DB, rows
from alphapulse_pipeline_tests.sync.reliability.scene import Scene

_CENT = Decimal("0.01")
_REPORTED = """
SELECT market, sum(coalesce(realized_pnl, (
    SELECT (l.raw ->> 'cashFlow')::numeric FROM alphapulse.ledger AS l
    WHERE l.reference_id = t.trade_id
))) FROM alphapulse.trades AS t WHERE portfolio.is_position(market) GROUP BY 1 ORDER BY 1
"""
"""What the exchange says that each market's fills realized; Bybit says it in its ledger alone."""


def priced(db: DB) -> None:
    """Everything costs a dollar, since ever: what is realised is what is reported in coins."""
    db.execute(
        "INSERT INTO portfolio.prices (asset, at, price, path, evidence_at)"
        " SELECT DISTINCT asset, '-infinity'::timestamptz, 1, '{}'::text[], now()"
        " FROM (SELECT asset FROM portfolio.movements UNION SELECT asset FROM alphapulse.balances"
        "       UNION SELECT 'USD') AS assets WHERE asset <> ''"
    )


@pytest.mark.parametrize("method", ["fifo", "average"])
def test_open_lots_are_what_the_newest_snapshot_shows(lived: Scene, method: str) -> None:
    with lived.database() as (url, db):
        priced(db)
        lived.sync(url, "balances")
        books.refresh(db, cost_basis=method)
        expected = rows(
            db,
            "SELECT asset, sum(total - debt) FROM alphapulse.balances_latest"
            " WHERE asset <> 'USD' GROUP BY 1 HAVING sum(total - debt) <> 0 ORDER BY 1",
        )
        found = rows(
            db,
            "SELECT asset, sum(remaining) FROM portfolio.lots"
            " WHERE asset NOT LIKE '%%:%%' GROUP BY 1 HAVING sum(remaining) <> 0 ORDER BY 1",
        )
        assert found == expected


def test_contracts_are_what_the_newest_snapshot_shows(lived: Scene) -> None:
    with lived.database() as (url, db):
        if "positions" not in lived.datasets:
            return  # spot alone
        priced(db)
        lived.sync(url, "positions")
        books.refresh(db)
        expected = rows(
            db,
            "SELECT market, sum(CASE side WHEN 'short' THEN -contracts ELSE contracts END)"
            " FROM alphapulse.positions_latest GROUP BY 1 ORDER BY 1",
        )
        found = rows(
            db,
            "SELECT asset, amount FROM portfolio.cost_basis"
            " WHERE asset LIKE '%%:%%' AND amount <> 0 ORDER BY 1",
        )
        assert found == expected


def test_positions_realise_what_the_exchange_told_and_paid(lived: Scene) -> None:
    with lived.database() as (_, db):
        priced(db)
        books.refresh(db)
        reported = rows(db, _REPORTED)
        found = rows(
            db,
            "SELECT t.market, coalesce((SELECT sum(pnl) FROM portfolio.realized_pnl AS r"
            "     WHERE r.asset = t.market AND r.kind NOT IN ('fee', 'funding')), 0)"
            " FROM (SELECT DISTINCT market FROM alphapulse.trades"
            "       WHERE portfolio.is_position(market)) AS t ORDER BY 1",
        )
        assert found == reported
        paid = rows(
            db,
            "SELECT sum(amount) FROM alphapulse.funding"
            " UNION ALL SELECT -sum(fee_cost) FROM alphapulse.trades"
            " WHERE portfolio.is_position(market)",
        )
        assert paid == [
            rows(db, f"SELECT sum(pnl) FROM portfolio.realized_pnl WHERE kind = '{kind}'{of}")[0]
            for kind, of in (("funding", ""), ("fee", " AND portfolio.is_position(asset)"))
        ]


def test_what_is_reckoned_is_what_would_have_been_told(lived: Scene) -> None:
    """Where neither fills nor a ledger tell what was realised, the average entry does, to their
    rounding."""
    with lived.database() as (_, db):
        priced(db)
        reported: dict[str, Decimal] = dict(rows(db, _REPORTED))
        db.execute("UPDATE alphapulse.trades SET realized_pnl = NULL")
        db.execute("DELETE FROM alphapulse.ledger")
        books.refresh(db)
        for market, amount in reported.items():
            if (lived.exchange, market) == ("bybit", "BTC/USDC:USDC"):
                continue  # sessions pay its profit before a fill realises it
            [(found,)] = rows(
                db,
                "SELECT coalesce(sum(pnl), 0) FROM portfolio.realized_pnl"
                " WHERE asset = %s AND kind NOT IN ('fee', 'funding')",
                market,
            )
            # fills of one millisecond may have been booked in another order
            assert abs(found - amount) < max(_CENT, abs(amount) / 1000), market


def test_nothing_is_unpriced_where_everything_has_a_price(lived: Scene) -> None:
    with lived.database() as (_, db):
        priced(db)
        figures = books.refresh(db)
        assert figures["unpriced lines"] == 0
        assert figures["lines"] > 50
