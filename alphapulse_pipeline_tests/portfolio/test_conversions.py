"""Conversions in the derived tables."""

from decimal import Decimal

import pytest

from alphapulse_pipeline_tests.portfolio.bookkeeping import (
    DB,
    fill,
    held,
    hour,
    lines,
    price,
    refresh,
    rows,
    transfer,
)

D = Decimal


@pytest.fixture(autouse=True)
def dollars(db: DB) -> None:
    price(db, "USD", 1)


def convert(
    db: DB, at: float, given: tuple[object, str], received: tuple[object, str], fee: object = None
) -> None:
    db.execute(
        "INSERT INTO alphapulse.conversions (account, kind, conversion_id, wallet, from_amount,"
        " from_asset, to_amount, to_asset, fee_cost, fee_currency, happened_at, raw, run_id)"
        " VALUES ('a', 'convert', '1', 'unified', %s, %s, %s, %s, %s, 'USDT', %s, '{}', 'test')",
        [*given, *received, fee, hour(at)],
    )


def test_a_conversion_moves_both_balances_and_the_fee(db: DB) -> None:
    convert(db, 1, (1, "ETH"), (2000, "USDT"), fee=3)
    moved = rows(db, "SELECT asset, part, amount FROM portfolio.movements ORDER BY amount")
    assert moved == [
        ("USDT", "fees", -3),
        ("ETH", "conversions", -1),
        ("USDT", "conversions", 2000),
    ]


def test_what_is_converted_is_sold_at_its_price(db: DB) -> None:
    price(db, "ETH", 2100)
    fill(db, 1, "ETH/USD", "buy", 1, 1500)
    convert(db, 2, (1, "ETH"), (2000, "USDT"))
    refresh(db)
    assert lines(db, "ETH") == [("trade", 1, 2100, 1500, 600)]
    assert held(db)["a", "USDT"] == (D(2000), D(2100))


def test_a_conversion_of_what_has_no_price_is_worth_what_is_received(db: DB) -> None:
    price(db, "USDT", 1)
    fill(db, 1, "ETH/USD", "buy", 1, 1500)
    convert(db, 2, (1, "ETH"), (2000, "USDT"))
    refresh(db)
    assert lines(db, "ETH") == [("trade", 1, 2000, 1500, 500)]


def test_what_a_card_paid_for_keeps_its_cost(db: DB) -> None:
    """The money arrives and is spent in the same moment: nothing is left of it, or owed."""
    price(db, "EUR", D("1.1"))
    price(db, "USDT", 1)
    transfer(db, 1, "deposit", "EUR", 20)
    convert(db, 1, (20, "EUR"), (4, "LUNA"))
    refresh(db)
    assert held(db)["a", "LUNA"] == (D(4), D(22))
    assert held(db).get(("a", "EUR"), (0, 0)) == (0, 0)
    assert lines(db, "EUR", "kind", "pnl") == [("trade", 0)]


def test_the_first_conversion_begins_the_account_s_history(db: DB) -> None:
    convert(db, 1, (1, "ETH"), (2000, "USDT"))
    assert rows(db, "SELECT portfolio.first_entry('a')") == [(hour(1),)]
    assert rows(db, "SELECT account FROM portfolio.accounts") == [("a",)]


def book(db: DB, at: float, entry: str, asset: str, amount: object, reference: str) -> None:
    db.execute(
        "INSERT INTO alphapulse.ledger (account, wallet, kind, entry_id, asset, amount,"
        " reference_id, class, happened_at, raw, run_id)"
        " VALUES ('a', 'unified', 'CONVERT', %s, %s, %s, %s, 'conversion', %s, '{}', 'test')",
        [entry, asset, amount, reference, hour(at)],
    )


def moved(db: DB) -> list[tuple[object, ...]]:
    query = "SELECT asset, dataset, sum(amount) FROM portfolio.movements GROUP BY 1, 2 ORDER BY 3"
    return rows(db, query)


@pytest.mark.parametrize("reference", ["1", ""])
@pytest.mark.parametrize("seconds", [0, 20])
def test_a_conversion_that_the_ledger_books_as_well_counts_once(
    reference: str, seconds: int, db: DB
) -> None:
    at = 1 + seconds / 3600
    book(db, at, "10", "ETH", -1, reference)
    book(db, at, "11", "USDT", 1997, reference)
    assert moved(db) == [("ETH", "ledger", -1), ("USDT", "ledger", 1997)]
    convert(db, 1, (1, "ETH"), (2000, "USDT"), fee=3)
    assert moved(db) == [("ETH", "conversions", -1), ("USDT", "conversions", 1997)]


def test_an_entry_of_another_conversion_counts(db: DB) -> None:
    convert(db, 1, (1, "ETH"), (2000, "USDT"))
    book(db, 1, "10", "ETH", -1, "1")
    book(db, 1, "11", "USDT", 2000, "1")
    book(db, 2, "12", "ETH", -1, "2")
    assert moved(db) == [
        ("ETH", "conversions", -1),
        ("ETH", "ledger", -1),
        ("USDT", "conversions", 2000),
    ]
