"""What moves with each asset, how far it is levered, and how near a liquidation is."""

from decimal import Decimal

from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.portfolio.tables import derived
from alphapulse_pipeline.settings.portfolio import PortfolioSettings
from alphapulse_pipeline_tests.portfolio.accounts import Accounts, balance, position, price
from alphapulse_pipeline_tests.warehouse.rows import T0

DB = Connection[TupleRow]
DOLLARS = PortfolioSettings()


def exposed(db: DB, columns: str) -> dict[tuple[str, str], tuple[object, ...]]:
    for table in ("prices", "holdings", "exposure"):
        derived(table).refresh(db, DOLLARS)
    found = db.execute(f"SELECT account, asset, {columns} FROM portfolio.exposure".encode())
    return {(account, asset): tuple(values) for account, asset, *values in found}


def test_balances_and_contracts_of_every_kind_are_told_in_the_base(
    accounts: Accounts, db: DB
) -> None:
    accounts.snapshot("a", "prices", T0, [price("BTC/USD", 1000)])
    accounts.snapshot("a", "balances", T0, [balance("BTC", 3, debt=1), balance("USD", 500)])
    accounts.snapshot(
        "a",
        "positions",
        T0,
        [
            position("BTC/USD:USD", 40, side="short", contract_size="0.1", mark_price=1000,
                     liquidation_price=1200),
            position("BTC/USD:BTC", 5, contract_size=100, mark_price=1000, liquidation_price=900),
            position("BTC/USD:USD-261225-2000-P", 1, mark_price=10, unrealized_pnl=3),
            position("BTC/USD:USD-261225-2000-C", 2, side="short", mark_price=10),
        ],
    )  # fmt: skip
    accounts.snapshot("b", "balances", T0, [balance("BTC", 1)])
    net = 2 - 4 + Decimal("0.5") - 1 - 2
    gross = 2 + 4 + Decimal("0.5") + 1 + 2
    found = exposed(db, "net, gross, net_value, gross_value, liquidation_distance")
    nearest = Decimal("0.1")
    assert found == {
        ("a", "BTC"): (net, gross, net * 1000, gross * 1000, nearest),
        ("a", "USD"): (500, 500, 500, 500, None),
        ("a", ""): (None, None, net * 1000 + 500, gross * 1000 + 500, nearest),
        ("b", "BTC"): (1, 1, 1000, 1000, None),
        ("b", ""): (None, None, 1000, 1000, None),
        ("", "BTC"): (net + 1, gross + 1, net * 1000 + 1000, gross * 1000 + 1000, nearest),
        ("", "USD"): (500, 500, 500, 500, None),
        ("", ""): (None, None, net * 1000 + 1500, gross * 1000 + 1500, nearest),
    }


def test_leverage_is_gross_value_by_what_the_account_is_worth(accounts: Accounts, db: DB) -> None:
    accounts.snapshot("a", "prices", T0, [price("BTC/USD", 1000)])
    accounts.snapshot("a", "balances", T0, [balance("USD", 900)])
    shown = position("BTC/USD:USD", 3, mark_price=1000, unrealized_pnl=100)
    accounts.snapshot("a", "positions", T0, [shown])
    found = exposed(db, "round(leverage, 4), round(share, 4)")
    assert found["a", "BTC"] == (3, Decimal("0.7692"))
    assert found["a", ""] == found["", ""] == (Decimal("3.9"), 1)


def test_an_account_that_owes_more_than_it_has_has_no_leverage(accounts: Accounts, db: DB) -> None:
    accounts.snapshot("a", "balances", T0, [balance("USD", 5, debt=9)])
    assert exposed(db, "leverage")["a", ""] == (None,)


def test_what_has_no_mark_price_has_an_unknown_exposure_and_not_none(
    accounts: Accounts, db: DB
) -> None:
    accounts.snapshot("a", "balances", T0, [balance("BTC", 1)])
    accounts.snapshot("a", "positions", T0, [position("BTC/USD:BTC", 5)])
    assert exposed(db, "net, gross")["a", "BTC"] == (None, None)
