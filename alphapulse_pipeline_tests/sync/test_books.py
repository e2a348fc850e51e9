"""The exchange's own totals beside what is read: money that is not read has a name and a size."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from psycopg import Connection
from psycopg.rows import TupleRow, dict_row

from alphapulse_pipeline.components.checks import checks_of, offenders
from alphapulse_pipeline.exchange.errors import ExchangeFailure
from alphapulse_pipeline.settings.accounts import Account
from alphapulse_pipeline.sync.session import open_session
from alphapulse_pipeline.sync.snapshots import snapshot
from alphapulse_pipeline.sync.valuation import prices_in
from alphapulse_pipeline.warehouse import books
from alphapulse_pipeline.warehouse.holdings import Quote
from alphapulse_pipeline.warehouse.writer import write
from alphapulse_pipeline_tests.conftest import NOW_MS
from exchange_simulator import Simulator, World, serve
from exchange_simulator.layout import LAYOUTS

Make = Callable[..., Account]
DB = Connection[TupleRow]
EXCHANGES = ("bybit", "binance", "okx", "kraken")
UNREAD = {"bybit": "TradingBot", "binance": "Trading Bots"}
DATASETS = ("balances", "positions", "prices", "books")
[CHECK] = [check for check in checks_of(["books"]) if check.name == "books_complete"]


def sync(account: Account, url: str, datasets: tuple[str, ...] = DATASETS) -> None:
    with open_session(account, url, "test") as session:
        for dataset in datasets:
            write(session.connection, snapshot(session, dataset), "test")


def stored(db: DB) -> dict[str, dict[str, Any]]:
    cursor = db.cursor(row_factory=dict_row)
    rows = cursor.execute("SELECT * FROM alphapulse.books_latest").fetchall()
    return {row["book"]: row for row in rows}


@contextmanager
def served(exchange: str, elsewhere: Mapping[str, Mapping[str, Decimal]]) -> Iterator[Simulator]:
    layout = replace(LAYOUTS[exchange], elsewhere=elsewhere)
    world = World(exchange=exchange, layout=layout)
    with serve(world, clock=lambda: NOW_MS, limits=False) as simulator:
        yield simulator


@pytest.mark.parametrize("exchange", EXCHANGES)
def test_what_is_read_is_what_the_exchange_totals(
    exchange: str, simulator: Simulator, make_account: Make, database: str, db: DB
) -> None:
    account = make_account(simulator.url, exchange=exchange)
    sync(account, database)
    found = stored(db)
    assert {row["state"] for row in found.values()} <= {"read", "not_enabled"}
    with_money = [row for row in found.values() if row["exchange_total"]]
    assert len(with_money) == {"bybit": 2, "binance": 5, "okx": 2, "kraken": 1}[exchange]
    for row in with_money:
        # our prices are the middle of bid and ask, the exchange's are an index
        assert abs(row["exchange_total"] / row["read_total"] - 1) < Decimal("0.0005")
    assert offenders(db, account, CHECK, "")[1] == []
    assert books.missing(db, ["bybit"]) == []


@pytest.mark.parametrize("exchange", UNREAD)
def test_a_book_that_is_not_read_has_a_name_and_a_size(
    exchange: str, make_account: Make, database: str, db: DB
) -> None:
    elsewhere = {UNREAD[exchange]: {"USDT": Decimal(20_000)}}
    with served(exchange, elsewhere) as simulator:
        account = make_account(simulator.url, exchange=exchange)
        sync(account, database)
    row = stored(db)[UNREAD[exchange]]
    assert (row["state"], row["exchange_total"], row["read_total"]) == ("unread", 20_000, 0)
    names, rows, count = offenders(db, account, CHECK, "")
    assert count == 1
    error = dict(zip(names, rows[0], strict=True))
    assert error["missing"] == 20_000
    assert error["finding"] == "not read, more than 1 % of the account"
    [found] = books.missing(db, ["bybit"])
    assert str(found).startswith(f"{UNREAD[exchange]} is not read: it holds 20,000.00 USD")


@pytest.mark.parametrize(("exchange", "book"), [("okx", "earn"), ("bybit", "Earn")])
def test_what_is_in_earn_and_in_no_list_is_missing_with_its_size(
    exchange: str, book: str, make_account: Make, database: str, db: DB
) -> None:
    """The exchange totals more in Earn than it lists, such as products of a fixed term."""
    with served(exchange, {book: {"USDT": Decimal(20_000)}}) as simulator:
        account = make_account(simulator.url, exchange=exchange)
        sync(account, database)
    row = stored(db)[book]
    assert (row["state"], row["exchange_total"], row["read_total"]) == ("read", 20_000, 0)
    names, rows, _ = offenders(db, account, CHECK, "")
    error = dict(zip(names, rows[0], strict=True))
    assert (error["missing"], error["finding"]) == (
        20_000,
        "the totals differ, more than 1 % of the account",
    )


def test_a_book_that_nobody_has_heard_of_is_shown_and_a_small_one_only_warns(
    make_account: Make, database: str, db: DB
) -> None:
    with served("bybit", {"NewProduct": {"BTC": Decimal("0.001")}}) as simulator:
        account = make_account(simulator.url)
        sync(account, database)
    assert stored(db)["NewProduct"]["state"] == "unread"
    _, rows, _ = offenders(db, account, CHECK, "")
    assert rows[0][-1] == "not read"
    assert rows[0][-1] in CHECK.warnings


@pytest.mark.parametrize(
    ("exchange", "read", "book"),
    [
        ("bybit", ["unified"], "FundingAccount"),
        ("bybit", ["funding"], "UnifiedTradingAccount"),
        *(
            ("binance", [w for w in LAYOUTS["binance"].wallets if w != wallet], name)
            for wallet, name in [
                ("spot", "Spot"),
                ("funding", "Funding"),
                ("margin", "Cross Margin"),
                ("usdm", "USDⓈ-M Futures"),
                ("coinm", "COIN-M Futures"),
            ]
        ),
        ("okx", ["trading"], "funding"),
        ("okx", ["funding"], "trading"),
    ],
)
def test_each_wallet_that_is_left_out_is_unread_with_its_size(
    exchange: str,
    read: list[str],
    book: str,
    simulator: Simulator,
    make_account: Make,
    database: str,
    db: DB,
) -> None:
    account = make_account(simulator.url, exchange=exchange, wallets=read)
    sync(account, database)
    [found] = [row for row in stored(db).values() if row["state"] == "unread"]
    assert found["book"] == book
    _, rows, count = offenders(db, account, CHECK, "")
    assert (count, rows[0][0], rows[0][4]) == (1, book, found["exchange_total"])


def test_a_balance_that_is_missing_from_a_wallet_that_is_read(
    simulator: Simulator, make_account: Make, database: str, db: DB
) -> None:
    """As if the exchange had left an asset out of its answer."""
    account = make_account(simulator.url)
    sync(account, database, ("balances", "positions", "prices"))
    lost = db.execute(
        "DELETE FROM alphapulse.balances WHERE wallet = 'unified' AND asset = 'BTC' RETURNING total"
    ).fetchone()
    sync(account, database, ("books",))
    assert lost is not None
    row = stored(db)["UnifiedTradingAccount"]
    price = next(
        quote[0]
        for quote in db.execute("SELECT last FROM alphapulse.prices WHERE market = 'BTC/USDT'")
    )
    assert abs((row["exchange_total"] - row["read_total"]) / (lost[0] * price) - 1) < Decimal(
        "0.001"
    )
    _, rows, _ = offenders(db, account, CHECK, "")
    assert rows[0][-1] == "the totals differ, more than 1 % of the account"


def test_holdings_that_were_not_read_just_now_are_not_compared(
    simulator: Simulator, make_account: Make, database: str, db: DB
) -> None:
    account = make_account(simulator.url)
    sync(account, database, ("books",))
    assert {row["read_total"] for row in stored(db).values()} == {None}
    sync(account, database)
    db.execute("UPDATE alphapulse.snapshots SET captured_at = captured_at - interval '11 minutes'")
    db.execute("UPDATE alphapulse.balances SET captured_at = captured_at - interval '11 minutes'")
    sync(account, database, ("books",))
    assert {row["read_total"] for row in stored(db).values()} == {None}
    assert books.missing(db, ["bybit"]) == []


@pytest.mark.parametrize(
    ("fault", "exchange"),
    [("retcode=10005:/v5/asset/asset-overview", "bybit"), ("key=wallet", "binance")],
)
def test_a_key_that_may_not_see_the_totals(
    fault: str, exchange: str, world: World, make_account: Make, database: str, db: DB
) -> None:
    with serve(world, clock=lambda: NOW_MS, limits=False) as simulator:
        account = make_account(simulator.url, exchange=exchange)
        simulator.set_faults(fault)
        sync(account, database, ("books",))
    assert {(row["state"], row["exchange_total"]) for row in stored(db).values()} == {
        ("unknown", None)
    }
    assert offenders(db, account, CHECK, "")[1] == []


def test_an_error_is_not_taken_for_no_books(
    simulator: Simulator, make_account: Make, database: str, db: DB
) -> None:
    account = make_account(simulator.url)
    sync(account, database)
    simulator.set_faults("renamed=totalEquity:/v5/asset/asset-overview")
    with pytest.raises(ExchangeFailure, match="totalEquity"):
        sync(account, database, ("books",))
    assert {row["state"] for row in stored(db).values()} == {"read"}


@pytest.mark.parametrize(
    ("exchange", "book"), [("bybit", "Earn"), ("binance", "New Product"), ("okx", "earn")]
)
def test_a_book_that_is_no_longer_listed_is_not_taken_for_empty_at_once(
    exchange: str, book: str, make_account: Make, database: str, db: DB
) -> None:
    with served(exchange, {book: {"USDT": Decimal(20_000)}}) as simulator:
        account = make_account(simulator.url, exchange=exchange)
        sync(account, database)
    with served(exchange, {}) as simulator:
        account = make_account(simulator.url, exchange=exchange)
        for _ in range(3):
            with pytest.raises(ExchangeFailure, match=f"book {book}: .* no rows"):
                sync(account, database, ("books",))
        assert stored(db)[book]["exchange_total"] == 20_000
        db.execute("UPDATE alphapulse.suspects SET since = since - interval '11 minutes'")
        sync(account, database, ("books",))
    assert book not in {book for book, row in stored(db).items() if row["exchange_total"]}


def test_a_book_that_the_exchange_says_is_not_in_use_is_empty_at_once(
    simulator: Simulator, make_account: Make, database: str, db: DB
) -> None:
    account = make_account(simulator.url, exchange="binance")
    sync(account, database)
    with served("binance", {}) as later:
        world = later.world.on("binance")
        world.layout = replace(world.layout, wallets=("spot", "funding"))
        account = make_account(later.url, exchange="binance")
        sync(account, database, ("books",))
    assert stored(db)["Cross Margin"]["state"] == "not_enabled"


def test_an_empty_list_is_not_taken_for_an_account_without_books(
    simulator: Simulator, make_account: Make, database: str, db: DB
) -> None:
    account = make_account(simulator.url)
    sync(account, database)
    simulator.set_faults("empty:/v5/asset/asset-overview")
    with pytest.raises(ExchangeFailure, match="book FundingAccount, UnifiedTradingAccount: "):
        sync(account, database, ("books",))
    assert {row["state"] for row in stored(db).values()} == {"read"}


def test_totals_that_the_key_may_not_see_any_more_are_unknown_at_once(
    simulator: Simulator, make_account: Make, database: str, db: DB
) -> None:
    account = make_account(simulator.url)
    sync(account, database)
    simulator.set_faults("retcode=10005:/v5/asset/asset-overview")
    sync(account, database, ("books",))
    assert {row["state"] for row in stored(db).values()} == {"unknown"}


def test_prices_through_up_to_three_markets() -> None:
    quotes = [
        Quote("A", "B", Decimal(2)),
        Quote("B", "C", Decimal(5)),
        Quote("D", "A", Decimal("0.5")),
        Quote("E", "D", Decimal(3)),
        Quote("B", "C", Decimal(7)),
    ]
    assert prices_in("C", quotes) == {"C": 1, "B": 5, "A": 10, "D": 5}
    assert prices_in("B", quotes) == {"B": 1, "A": 2, "C": 1 / Decimal(5), "D": 1, "E": 3}
    assert prices_in("USD", [Quote("A", "USDT", Decimal(3))])["A"] == 3
    with_dollar = [Quote("A", "USDT", Decimal(3)), Quote("USDT", "USD", Decimal("0.9"))]
    assert prices_in("USD", with_dollar)["A"] == Decimal("2.7")
