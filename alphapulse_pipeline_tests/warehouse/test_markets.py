"""The parts of a market: from the table of markets, or from its name."""

import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

DB = Connection[TupleRow]

NAMES = {
    "BTC/USDT": ("BTC", "USDT", "", "spot"),
    "BTC/USDT:USDT": ("BTC", "USDT", "USDT", "swap"),
    "BTC/USD:BTC": ("BTC", "USD", "BTC", "swap"),
    "BTC/USDT:USDT-260626": ("BTC", "USDT", "USDT", "future"),
    "BTC/USD:BTC-260626": ("BTC", "USD", "BTC", "future"),
    "BTC/USDT:USDT-260626-90000-C": ("BTC", "USDT", "USDT", "option"),
    "ETH/USD:USDC-260626-2000-P": ("ETH", "USD", "USDC", "option"),
    "1000PEPE-C/USDT": ("1000PEPE-C", "USDT", "", "spot"),
}


@pytest.mark.parametrize("market", NAMES)
def test_an_unknown_market_has_the_parts_of_its_name(db: DB, market: str) -> None:
    found = db.execute("SELECT * FROM alphapulse.market_of('bybit', %s)", [market]).fetchall()
    assert found == [NAMES[market]]


def test_a_known_market_has_the_parts_that_the_exchange_gave_it(db: DB) -> None:
    db.execute(
        "INSERT INTO alphapulse.markets"
        " (account, market, raw_id, type, base, quote, settle, active, seen_at) VALUES"
        " ('bybit', 'X/Y', 'x', 'swap', 'XXX', 'YYY', 'ZZZ', true, now()),"
        " ('bybit', 'A/B', 'a', 'spot', 'AAA', 'BBB', NULL, true, now()),"
        " ('bybit', 'BTC/USDT', 'none', 'none', NULL, NULL, NULL, false, now())"
    )
    parts = "SELECT * FROM alphapulse.market_of(%s, %s)"
    assert db.execute(parts, ["bybit", "X/Y"]).fetchall() == [("XXX", "YYY", "ZZZ", "swap")]
    assert db.execute(parts, ["bybit", "A/B"]).fetchall() == [("AAA", "BBB", "", "spot")]
    assert db.execute(parts, ["okx", "X/Y"]).fetchall() == [("X", "Y", "", "spot")]
    assert db.execute(parts, ["bybit", "BTC/USDT"]).fetchall() == [NAMES["BTC/USDT"]]


@pytest.mark.parametrize("view", ["movements", "touched", "legs"])
def test_views_over_fills_read_new_rows_by_index_and_call_no_function(db: DB, view: str) -> None:
    """A function that is not inlined would show as a scan of its own, for each fill."""
    db.execute("SET enable_seqscan = off")
    since = "recorded_at" if view == "touched" else "happened_at"
    query = f"EXPLAIN SELECT * FROM portfolio.{view} WHERE account = 'a' AND {since} > now()"
    plan = "\n".join(line for (line,) in db.execute(query.encode()))
    assert "Function Scan" not in plan
    assert "market_of" not in plan
    assert "Index Scan using trades_" in plan
    assert "markets_pkey" in plan


def test_positions_are_books_of_contracts_but_not_of_options(db: DB) -> None:
    kinds = {name: parts[3] for name, parts in NAMES.items()} | {"BTC": "spot"}
    for name, kind in kinds.items():
        found = db.execute("SELECT portfolio.is_position(%s)", [name]).fetchone()
        assert found == (kind in ("swap", "future"),), name


def test_the_histories_that_the_ledger_s_classes_repeat(db: DB) -> None:
    classes = (
        "trade",
        "fee",
        "transfer",
        "funding",
        "interest",
        "reward",
        "conversion",
        "loan",
        "adjustment",
        "other",
    )
    histories = {
        name: db.execute("SELECT alphapulse.repeated_history(%s)", [name]).fetchone()
        for name in classes
    }
    assert {name: found[0] for name, found in histories.items() if found and found[0]} == {
        "trade": "trades",
        "fee": "trades",
        "transfer": "transfers",
        "funding": "funding",
        "conversion": "conversions",
    }
