"""An exchange without a venue of its own, read through ccxt."""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.exchange.errors import ExchangeFailure, Kind
from alphapulse_pipeline.exchange.venues import Wallet
from alphapulse_pipeline.settings.accounts import Account
from alphapulse_pipeline.sync.session import open_session
from alphapulse_pipeline.sync.snapshots import snapshot
from alphapulse_pipeline.warehouse.writer import write
from alphapulse_pipeline_tests.exchange.servers import Reply
from alphapulse_pipeline_tests.sync.hollaex import (
    START,
    TODAY,
    Hollaex,
    Make,
    fills,
    its_account,
    rejected,
    serving,
    stamp,
    stored,
    sync,
    truth,
)


@pytest.fixture
def exchange() -> Hollaex:
    return Hollaex(fills(seed=5, count=300))


@pytest.fixture
def account(exchange: Hollaex, make_account: Make) -> Iterator[Account]:
    with serving(exchange) as url:
        yield its_account(make_account, url)


def test_every_fill_is_there_once_and_exact(
    exchange: Hollaex, account: Account, database: str, db: Connection[TupleRow]
) -> None:
    sync(account, database)
    assert stored(db) == truth(exchange)
    assert db.execute(
        "SELECT count(DISTINCT trade_id) = count(*), min(length(trade_id)) FROM alphapulse.trades"
    ).fetchone() == (True, 32)
    assert db.execute("SELECT * FROM alphapulse.coverage_gaps").fetchall() == []
    sync(account, database, fill=False)
    assert stored(db) == truth(exchange)


def test_a_key_is_refused_unless_the_account_accepts_that_its_permissions_are_unknown(
    exchange: Hollaex, account: Account, database: str, db: Connection[TupleRow]
) -> None:
    settings = account.settings.model_copy(update={"allow_unknown_rights": False})
    with pytest.raises(ExchangeFailure) as raised:
        sync(replace(account, settings=settings), database)
    assert raised.value.kind is Kind.CREDENTIALS
    assert "does not report what the key in HOLLAEX_API_KEY may do" in raised.value.problem
    assert "set allow_unknown_rights: true in the defs.yaml of hollaex" in raised.value.fix
    assert stored(db) == []
    assert exchange.asked == []


def test_a_market_that_is_delisted_between_two_syncs_does_not_double_its_fills(
    exchange: Hollaex, account: Account, database: str, db: Connection[TupleRow]
) -> None:
    sync(account, database)
    before = stored(db)
    del exchange.pairs["luna-usdt"], exchange.pairs["ustusdt"]
    db.execute("DELETE FROM alphapulse.market_catalogues")
    sync(account, database, fill=False)
    assert stored(db) == before
    assert db.execute(
        "SELECT market, active FROM alphapulse.markets ORDER BY market"
    ).fetchall() == [("BTC/USDT", True), ("LUNA/USDT", False), ("UST/USDT", False)]


@pytest.mark.usefixtures("single_attempt")
@pytest.mark.parametrize(
    "broken",
    [
        Reply(b"<html>maintenance</html>"),
        Reply(b""),
        Reply(b'{"message": "Invalid signature"}', 401),
        Reply(b'{"message": "too many"}', 429),
        Reply(b'{"data": [{"side": "buy", "symbol": "btc-usdt"}, {"symbol": "btc-usdt"}]}'),
        Reply(b'{"data": [', cut=20),
    ],
    ids=["html", "empty", "refused", "throttled", "without times", "cut off"],
)
def test_an_error_is_never_no_rows(
    exchange: Hollaex,
    account: Account,
    database: str,
    db: Connection[TupleRow],
    covered: Callable[[], list[Any]],
    broken: Reply,
) -> None:
    exchange.broken = broken
    with pytest.raises(ExchangeFailure):
        sync(account, database)
    assert stored(db) == []
    assert covered() == []


@pytest.mark.parametrize(
    "poison",
    [
        {"size": "1e999999999"},
        {"symbol": ["btc-usdt"]},
        {"symbol": "btc\0usdt"},
        {"timestamp": None},
    ],
    ids=["endless", "no market", "nul", "no time"],
)
def test_a_fill_that_ccxt_cannot_parse_is_rejected_and_no_other(
    exchange: Hollaex,
    account: Account,
    database: str,
    db: Connection[TupleRow],
    poison: dict[str, Any],
) -> None:
    every = truth(exchange)
    fill = exchange.fills[100]
    exchange.poison[fill["order_id"]] = poison
    for _ in range(2):
        sync(account, database)
        assert stored(db) == [row for row in every if row[1] != fill["order_id"]]
        [(reason, raw)] = rejected(db)
        assert "fetch_my_trades" in reason
        assert fill["order_id"] in raw
        gaps = db.execute("SELECT lower(gap), upper(gap) FROM alphapulse.coverage_gaps").fetchall()
        time = datetime.fromisoformat(fill["timestamp"])
        assert any(start <= time < end for start, end in gaps)
        assert sum((end - start for start, end in gaps), timedelta()) <= timedelta(days=1)
    exchange.poison.clear()
    sync(account, database)
    assert stored(db) == every
    assert rejected(db) == []


def test_an_empty_page_proves_nothing_without_older_rows(
    exchange: Hollaex, account: Account, database: str, db: Connection[TupleRow]
) -> None:
    oldest = min(fill["timestamp"] for fill in exchange.fills)
    sync(account, database)
    row = db.execute(
        "SELECT lower(covered), lower(unreachable), upper(unreachable) FROM alphapulse.coverage"
    ).fetchone()
    served = datetime.fromisoformat(oldest)
    assert row == (served, START, served)


@pytest.mark.parametrize("kept", [True, False])
def test_a_quiet_gap_between_rows_is_only_covered_if_older_rows_are_still_served(
    exchange: Hollaex, account: Account, database: str, db: Connection[TupleRow], kept: bool
) -> None:
    times = sorted(datetime.fromisoformat(fill["timestamp"]) for fill in exchange.fills)
    before, after = max(itertools.pairwise(times), key=lambda pair: pair[1] - pair[0])
    quiet = (before + timedelta(seconds=1), after - timedelta(seconds=1))
    sync(account, database)
    db.execute(
        "UPDATE alphapulse.coverage SET covered = covered - tstzmultirange(tstzrange(%s, %s))",
        quiet,
    )
    if not kept:
        exchange.fills = [fill for fill in exchange.fills if fill["timestamp"] >= stamp(after)]
    sync(account, database)
    row = db.execute(
        "SELECT covered @> tstzrange(%s, %s), unreachable @> tstzrange(%s, %s)"
        " FROM alphapulse.coverage",
        [*quiet, *quiet],
    ).fetchone()
    assert row == (kept, not kept)


@pytest.mark.parametrize("kept", [True, False])
def test_a_downtime_is_only_covered_if_older_rows_are_still_served(
    exchange: Hollaex, account: Account, database: str, db: Connection[TupleRow], kept: bool
) -> None:
    stopped = TODAY - timedelta(days=1, hours=6)
    back, again = TODAY - timedelta(hours=2), TODAY - timedelta(hours=1)
    exchange.fills = [f for f in exchange.fills if f["timestamp"] < stamp(stopped)]
    last = datetime.fromisoformat(max(fill["timestamp"] for fill in exchange.fills))
    sync(account, database)
    db.execute(
        "UPDATE alphapulse.coverage"
        " SET covered = covered * tstzmultirange(tstzrange(NULL, %s)), newest_row = %s",
        [stopped, last],
    )
    new = {**exchange.fills[0], "timestamp": stamp(again)}
    exchange.fills = [*(exchange.fills if kept else []), new]
    sync(account, database)
    covered, unreachable = db.execute(
        "SELECT covered @> tstzrange(%s, %s), unreachable @> tstzrange(%s, %s)"
        " FROM alphapulse.coverage",
        [stopped, back, stopped, back],
    ).fetchall()[0]
    assert (covered, unreachable) == (kept, not kept)


def test_snapshots_are_what_ccxt_parses(
    account: Account, database: str, db: Connection[TupleRow]
) -> None:
    with open_session(account, database, "test") as session:
        for dataset in ("balances", "prices"):
            write(session.connection, snapshot(session, dataset), "test")
    assert db.execute(
        "SELECT wallet, asset, free::text, total::text FROM alphapulse.balances_latest ORDER BY 2"
    ).fetchall() == [("account", "BTC", "1", "1.5"), ("account", "USDT", "0.1", "0.1")]
    assert db.execute("SELECT market, last::text FROM alphapulse.prices_latest").fetchall() == [
        ("BTC/USDT", "70000.1")
    ]


def test_a_balance_that_every_wallet_returns_counts_once(
    account: Account, database: str, db: Connection[TupleRow]
) -> None:
    wallets = (Wallet("spot"), Wallet("swap", {"kind": "swap"}), Wallet("apart", {"kind": "apart"}))
    with open_session(account, database, "test") as session:
        session.venue = replace(session.venue, wallets=wallets)
        write(session.connection, snapshot(session, "balances"), "test")
    assert db.execute(
        "SELECT wallet, total::text FROM alphapulse.balances_latest WHERE asset = 'BTC' ORDER BY 1"
    ).fetchall() == [("apart", "7"), ("spot", "1.5")]


def order(number: int, placed: datetime, changed: datetime, status: str) -> dict[str, Any]:
    return {
        "id": f"order-{number}",
        "symbol": "btc-usdt",
        "side": "buy",
        "type": "limit",
        "size": "0.00000003",
        "filled": "0.00000003" if status == "filled" else "0",
        "price": "70000",
        "status": status,
        "created_at": stamp(placed),
        "updated_at": stamp(changed),
    }


def test_all_orders_are_stored_whatever_their_day(
    exchange: Hollaex, account: Account, database: str, db: Connection[TupleRow]
) -> None:
    hour = timedelta(hours=1)
    changed_later = [order(n, START + n * hour, START + 3 * n * hour, "filled") for n in range(30)]
    burst = [
        order(n, START, START + hour + n * timedelta(minutes=2), "canceled") for n in range(30, 90)
    ]
    standing = order(90, START, START, "new")
    exchange.orders = [*changed_later, *burst, standing]
    sync(account, database, "orders")
    statuses = {"filled": "closed", "canceled": "canceled", "new": "open"}

    def expected() -> list[tuple[str, str]]:
        return sorted((o["id"], statuses[o["status"]]) for o in exchange.orders)

    def stored_orders() -> list[tuple[Any, ...]]:
        return sorted(db.execute("SELECT order_id, status FROM alphapulse.orders").fetchall())

    assert stored_orders() == expected()
    standing |= {"status": "filled", "filled": standing["size"]}
    sync(account, database, "orders")
    assert stored_orders() == expected()


def test_an_order_that_ccxt_cannot_parse_is_rejected_and_no_other(
    exchange: Hollaex, account: Account, database: str, db: Connection[TupleRow]
) -> None:
    hour = timedelta(hours=1)
    exchange.orders = [order(n, START + n * hour, START + n * hour, "filled") for n in range(30)]
    exchange.poison["order-7"] = {"size": "1e999999999"}
    sync(account, database, "orders")
    stored_orders = db.execute("SELECT order_id FROM alphapulse.orders").fetchall()
    expected = {one["id"] for one in exchange.orders} - {"order-7"}
    assert {order_id for (order_id,) in stored_orders} == expected
    [(reason, raw)] = rejected(db)
    assert "a number of more than 400 digits" in reason
    assert "order-7" in raw
    [(start, end)] = db.execute(
        "SELECT lower(gap), upper(gap) FROM alphapulse.coverage_gaps"
    ).fetchall()
    assert start <= START + 7 * hour < end
