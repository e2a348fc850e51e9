"""Sources that disagree about a price make the value uncertain, and are named."""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.portfolio import prices, value
from alphapulse_pipeline.portfolio.disputes import disputes
from alphapulse_pipeline.portfolio.report.page import page
from alphapulse_pipeline.portfolio.report.scope import Scope
from alphapulse_pipeline.portfolio.summary import summary
from alphapulse_pipeline.settings.portfolio import PortfolioSettings
from alphapulse_pipeline_tests.portfolio.accounts import Accounts, balance, position, price
from alphapulse_pipeline_tests.warehouse.rows import T0

DB = Connection[TupleRow]
Quote = Mapping[str, Any]
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)


def refresh(db: DB, tolerance: object = 5, currency: str = "USD") -> None:
    chosen = PortfolioSettings(currency=currency, price_tolerance=Decimal(str(tolerance)))
    prices.refresh(db, chosen)
    value.refresh(db, chosen)


def book(market: str, bid: object, ask: object) -> Quote:
    return price(market, None, bid=bid, ask=ask)


def quoted(accounts: Accounts, *quotes: Quote, by: Mapping[str, Iterable[Quote]]) -> None:
    """Account a holds two coins; it reads these prices seconds after other accounts read theirs."""
    accounts.snapshot("a", "balances", T0, [balance("BTC", 2)])
    for delay, (account, reported) in enumerate([*by.items(), ("a", quotes)]):
        accounts.snapshot(account, "prices", T0 + delay * SECOND, reported)


def newest(db: DB, account: str = "") -> TupleRow | None:
    """(value, confidence, uncertainty, disputed)."""
    return db.execute(
        "SELECT value, confidence, uncertainty, disputed FROM portfolio.value WHERE account = %s"
        " ORDER BY at DESC LIMIT 1",
        [account],
    ).fetchone()


def other(db: DB, asset: str = "BTC") -> tuple[Any, ...] | None:
    """(the other price, where the price is from, where the other is from)."""
    return db.execute(
        "SELECT other_price, sources[1], sources[2] FROM portfolio.prices_latest WHERE asset = %s",
        [asset],
    ).fetchone()


SURE = (200, 1, 0, 0)
UNDISPUTED = (None, None, None)


def test_two_accounts_that_disagree_lower_the_confidence_by_the_difference(
    accounts: Accounts, db: DB
) -> None:
    quoted(accounts, price("BTC/USD", 100), by={"b": [price("BTC/USD", 114)]})
    refresh(db)
    assert newest(db, "a") == newest(db) == (200, Decimal("0.86"), 28, 28)
    assert other(db) == (114, "BTC/USD of a", "BTC/USD of b")
    sentence = (
        "two prices for BTC: 100 USD (BTC/USD of a), 114 USD (BTC/USD of b); the value differs by "
        "28.00 USD"
    )
    assert disputes(db) == disputes(db, "a") == [sentence]
    assert disputes(db, "b") == []
    assert summary(db)[1] == sentence
    report = page(db, Scope(), demo=False)
    assert f"<li>T{sentence[1:]}.</li>" in report
    assert "at the other prices, the value would differ by 28.00" in report


@pytest.mark.parametrize(
    "quotes",
    [
        [price("BTC/EUR", 57), price("EUR/USD", 2)],
        [price("BTC/USDT", 114), price("USDT/USD", 1)],  # one market more
        [price("BTC/USD", 114), price("BTC/EUR", 52), price("EUR/USD", 2)],  # the one further off
        [book("BTC/USD", 113, 115)],
    ],
)
def test_two_markets_disagree(accounts: Accounts, db: DB, quotes: list[Quote]) -> None:
    quoted(accounts, price("BTC/USD", 100), by={"b": quotes})
    refresh(db)
    assert newest(db) == (200, Decimal("0.86"), 28, 28)


@pytest.mark.parametrize(
    "quotes",
    [
        [price("BTC/USD", 105)],  # not more than the tolerance
        [price("BTC/USD:BTC", 114)],  # a contract is no spot market
        [book("BTC/USD", 90, 138)],  # bid and ask differ too much themselves
        [price("BTC/ETH", 2), price("ETH/EUR", 3), price("EUR/USD", 19)],  # a long way round
        [price("BTC/USD", 0)],
    ],
)
def test_what_does_not_dispute_a_price(accounts: Accounts, db: DB, quotes: list[Quote]) -> None:
    quoted(accounts, price("BTC/USD", 100), by={"b": quotes})
    refresh(db)
    assert (newest(db), other(db)) == (SURE, UNDISPUTED)


def test_a_last_price_does_not_dispute_bid_and_ask(accounts: Accounts, db: DB) -> None:
    """It may be days old, and nothing says so."""
    quoted(accounts, book("BTC/USD", 99, 101), by={"b": [price("BTC/USD", 114)]})
    refresh(db)
    assert (newest(db), other(db)) == (SURE, UNDISPUTED)


def test_a_price_of_another_time_disputes_nothing(accounts: Accounts, db: DB) -> None:
    old = T0 - 11 * MINUTE
    accounts.snapshot("b", "prices", old, [price("BTC/USD", 114), price("EUR/USD", 2)])
    quoted(accounts, price("BTC/USD", 100), price("BTC/EUR", 57), by={})
    refresh(db)
    assert newest(db) == SURE


def test_what_was_paid_disputes_nothing(accounts: Accounts, db: DB) -> None:
    quoted(accounts, price("BTC/USD", 100), by={})
    accounts.fill("b", "BTC/USD", T0, 114, 1)
    refresh(db)
    assert (newest(db), other(db)) == (SURE, UNDISPUTED)


def test_it_ends_when_the_sources_agree_again(accounts: Accounts, db: DB) -> None:
    quoted(accounts, price("BTC/USD", 100), by={"b": [price("BTC/USD", 114)]})
    refresh(db)
    assert newest(db) != SURE
    later = T0 + 5 * MINUTE
    accounts.snapshot("a", "balances", later, [balance("BTC", 2)])
    accounts.snapshot("b", "prices", later, [price("BTC/USD", 101)])
    accounts.snapshot("a", "prices", later + SECOND, [price("BTC/USD", 100)])
    refresh(db)
    assert newest(db) == SURE
    assert disputes(db) == []


def test_what_is_priced_through_a_disputed_asset_is_disputed_as_well(
    accounts: Accounts, db: DB
) -> None:
    quotes = [price("SOL/BTC", "0.5"), price("BTC/USD", 100)]
    quoted(accounts, *quotes, by={"b": [price("BTC/USD", 80)]})
    accounts.snapshot("a", "balances", T0 + SECOND, [balance("SOL", 4), balance("USD", 100)])
    refresh(db)
    assert newest(db) == (300, Decimal("0.8667"), 40, 40)
    assert other(db, "SOL") == (40, "SOL/BTC of a, BTC/USD of a", "SOL/BTC of a, BTC/USD of b")


def test_one_of_the_many_markets_of_a_stable_coin_does_not_dispute_it(
    accounts: Accounts, db: DB
) -> None:
    quotes = [price("BTC/USD", 100), price("BTC/USDT", 100)]
    quoted(accounts, *quotes, by={"b": [price("DOGE/USD", 1), price("DOGE/USDT", "1.3")]})
    refresh(db)
    assert other(db, "USDT") == other(db) == UNDISPUTED
    accounts.snapshot("b", "prices", T0 + 2 * SECOND, [price("BTC/USDT", 125)])
    accounts.snapshot("a", "prices", T0 + 3 * SECOND, quotes)
    refresh(db)
    assert other(db, "USDT") == (
        Decimal("0.8"),
        "BTC/USDT of a, BTC/USD of a",
        "BTC/USDT of b, BTC/USD of a",
    )


def test_what_is_owed_in_the_same_asset_is_not_uncertain(accounts: Accounts, db: DB) -> None:
    quoted(accounts, price("BTC/USD", 100), by={"b": [price("BTC/USD", 114)]})
    held = [balance("BTC", 3), balance("BTC", 0, debt=2, wallet="margin"), balance("USD", 900)]
    accounts.snapshot("a", "balances", T0 + SECOND, held)
    refresh(db)
    assert newest(db) == (1000, Decimal("0.99"), 14, 14)


def test_a_debt_leaves_the_uncertainty_as_large_as_it_is(accounts: Accounts, db: DB) -> None:
    """As a share of all that is held and owed it is small, as an amount it is not."""
    quoted(accounts, price("BTC/USD", 100), by={"b": [price("BTC/USD", 114)]})
    accounts.snapshot("a", "balances", T0 + SECOND, [balance("BTC", 2), balance("USD", -190)])
    refresh(db)
    assert newest(db) == (10, Decimal("0.9282"), 28, 28)


def test_positions_that_settle_in_a_disputed_asset_are_uncertain(
    accounts: Accounts, db: DB
) -> None:
    quoted(accounts, price("BTC/USD", 100), by={"b": [price("BTC/USD", 114)]})
    accounts.snapshot("a", "positions", T0, [position("X/BTC:BTC", 1, unrealized_pnl=-1)])
    refresh(db)
    assert newest(db) == (100, Decimal("0.9533"), 14, 14)


def test_the_disputed_values_of_several_accounts_add_up(accounts: Accounts, db: DB) -> None:
    quoted(accounts, price("BTC/USD", 100), by={"b": [price("BTC/USD", 114)]})
    accounts.snapshot("b", "balances", T0 + SECOND, [balance("BTC", 1), balance("USD", 100)])
    refresh(db)
    assert newest(db, "b") == (200, Decimal("0.93"), 14, 14)
    assert newest(db) == (400, Decimal("0.895"), 42, 42)


def test_another_tolerance_compares_all_prices_again(accounts: Accounts, db: DB) -> None:
    quoted(accounts, price("BTC/USD", 100), by={"b": [price("BTC/USD", "100.5")]})
    refresh(db)
    assert newest(db) == SURE
    refresh(db, "0.4")
    assert newest(db) == (200, Decimal("0.995"), 1, 1)
    refresh(db, "0.5")
    assert newest(db) == SURE


def test_a_second_refresh_changes_nothing(accounts: Accounts, db: DB) -> None:
    quoted(accounts, price("BTC/USD", 100), by={"b": [price("BTC/USD", 114)]})
    refresh(db)
    assert prices.refresh(db, PortfolioSettings())["priced"] == 0
    assert value.refresh(db, PortfolioSettings())["points"] == 0
