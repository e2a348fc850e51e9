"""What is held, without counting anything twice and without taking an unknown for nothing."""

from datetime import timedelta
from decimal import Decimal

import dagster as dg
from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.components.portfolio_checks import CHECKS
from alphapulse_pipeline.portfolio.tables import derived
from alphapulse_pipeline.settings.portfolio import PortfolioSettings
from alphapulse_pipeline_tests.components.tables import lines
from alphapulse_pipeline_tests.portfolio.accounts import Accounts, balance, position, price, rows
from alphapulse_pipeline_tests.warehouse.rows import T0

DB = Connection[TupleRow]
DOLLARS = PortfolioSettings()


def held(db: DB, columns: str = "account, wallet, asset, kind, amount, value") -> list[TupleRow]:
    for table in ("prices", "holdings"):
        derived(table).refresh(db, DOLLARS)
    return rows(db, "holdings", "account, wallet, asset, kind", columns)


def all_priced(db: DB) -> dg.AssetCheckResult:
    (check,) = [check for check in CHECKS if check.name == "all_priced"]
    return check.result(db, dg.AssetKey(["portfolio", check.table]))


def test_balances_debts_profit_and_options_stand_beside_each_other(
    accounts: Accounts, db: DB
) -> None:
    accounts.snapshot("a", "prices", T0, [price("BTC/USD", 1000), price("USDT/USD", "0.97")])
    accounts.snapshot(
        "a",
        "balances",
        T0,
        [balance("BTC", 2, wallet="margin", debt="0.5"), balance("USDT", 300)],
    )
    option = "BTC/USDT:USDT-261225-2000-C"
    accounts.snapshot(
        "a",
        "positions",
        T0,
        [
            position("BTC/USDT:USDT", 1, unrealized_pnl="-20", mark_price=1000),
            position("BTC/USDT:USDT", 3, side="short", unrealized_pnl=50, mark_price=1000),
            position("BTC/USD:BTC", 100, unrealized_pnl="0.25", mark_price=1000),
            position(option, 2, mark_price=40, contract_size="0.5", unrealized_pnl=9),
            position(option, 1, side="short", margin_mode="x", mark_price=10, unrealized_pnl=9),
        ],
    )
    assert held(db) == [
        ("a", "", "BTC", "unrealized", Decimal("0.25"), 250),
        ("a", "", "USDT", "option", 30, Decimal("29.1")),
        ("a", "", "USDT", "unrealized", 30, Decimal("29.1")),
        ("a", "margin", "BTC", "balance", 2, 2000),
        ("a", "margin", "BTC", "debt", Decimal("-0.5"), -500),
        ("a", "spot", "USDT", "balance", 300, 291),
    ]
    shares = [row[0] for row in held(db, "share")]
    assert abs(sum(shares) - 1) < Decimal("1e-12")


def test_a_snapshot_that_says_empty_empties(accounts: Accounts, db: DB) -> None:
    accounts.snapshot("a", "balances", T0, [balance("USD", 5)])
    assert held(db) == [("a", "spot", "USD", "balance", 5, 5)]
    accounts.snapshot("a", "balances", T0 + timedelta(minutes=5))
    assert held(db) == []


def test_an_account_that_is_no_longer_deployed_holds_nothing(accounts: Accounts, db: DB) -> None:
    accounts.snapshot("a", "balances", T0, [balance("USD", 5)])
    accounts.snapshot("b", "balances", T0, [balance("USD", 6)])
    accounts.removed("a")
    assert held(db, "account") == [("b",)]


def test_what_has_no_price_has_no_value_and_the_check_names_it(accounts: Accounts, db: DB) -> None:
    accounts.snapshot("a", "balances", T0, [balance("USD", 5), balance("NEW", 7)])
    accounts.snapshot("b", "positions", T0, [position("BTC/USD:USD", 1, unrealized_pnl=None)])
    assert held(db) == [
        ("a", "spot", "NEW", "balance", 7, None),
        ("a", "spot", "USD", "balance", 5, 5),
        ("b", "", "USD", "unrealized", None, None),
    ]
    unpriced = rows(db, "unpriced", "asset", "asset, accounts, amount")
    assert unpriced == [("NEW", ["a"], 7), ("USD", ["b"], None)]
    result = all_priced(db)
    assert not result.passed
    assert result.severity.value == "WARN"
    assert lines(result.metadata["unpriced"])[0] == "NEW | a | 7"


def test_the_check_is_content_where_everything_has_a_price(accounts: Accounts, db: DB) -> None:
    accounts.snapshot("a", "balances", T0, [balance("USD", 5)])
    held(db)
    assert all_priced(db).passed


def test_a_debt_is_subtracted_once(accounts: Accounts, db: DB) -> None:
    """Whether the exchange has subtracted it from the balance or reports it beside it."""
    accounts.snapshot("net", "balances", T0, [balance("USD", -100)])
    accounts.snapshot("gross", "balances", T0, [balance("USD", 50, debt=150)])
    held(db)
    values = db.execute(
        "SELECT account, sum(value) FROM portfolio.balances_as_of(%s) GROUP BY 1 ORDER BY 1", [T0]
    ).fetchall()
    worth = db.execute(
        "SELECT account, sum(value) FROM portfolio.holdings GROUP BY 1 ORDER BY 1"
    ).fetchall()
    assert values == worth == [("gross", -100), ("net", -100)]
