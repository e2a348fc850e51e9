"""What is particular to OKX."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.exchange.errors import ExchangeFailure, Kind
from alphapulse_pipeline.exchange.feed import to_time
from alphapulse_pipeline.exchange.venues import VENUES
from alphapulse_pipeline.portfolio.reconciliation import refresh
from alphapulse_pipeline.settings.accounts import Account
from alphapulse_pipeline.settings.portfolio import PortfolioSettings
from alphapulse_pipeline_tests.conftest import NOW_MS
from alphapulse_pipeline_tests.sync.test_truth import check
from alphapulse_pipeline_tests.sync.truth import stored, sync_all, true
from exchange_simulator import Key, Simulator, World, serve
from exchange_simulator.layout import LAYOUTS, OKX_ACCOUNTS
from exchange_simulator.markets import HOUR

Make = Callable[..., Account]
_AT = datetime.fromtimestamp(NOW_MS / 1000, UTC)


class _Clock:
    def __init__(self) -> None:
        self.now = NOW_MS

    def __call__(self) -> int:
        return self.now


def _orders(simulator: Simulator, since: int) -> dict[str, dict[str, Any]]:
    """All orders placed since then, served or not, by id."""
    truth = simulator.truth(exchange="okx", expired=True)
    return {row["order_id"]: row for row in truth["orders"] if row["created_at"] >= since}


def _stored(db: Connection[TupleRow], since: int) -> dict[str, str]:
    rows = db.execute(
        "SELECT order_id, status FROM alphapulse.orders WHERE created_at >= %s",
        [datetime.fromtimestamp(since / 1000, UTC)],
    ).fetchall()
    return dict(rows)


@pytest.fixture(scope="module")
def market_maker() -> World:
    """Cancels 95 of 100 orders without a fill."""
    return World(seed=5, genesis=_AT - timedelta(days=5), pace=8, exchange="okx", unfilled=0.95)


def test_a_market_maker(
    market_maker: World, make_account: Make, database: str, db: Connection[TupleRow]
) -> None:
    clock = _Clock()
    with serve(market_maker, clock=clock, limits=False) as simulator:
        genesis = (_AT - timedelta(days=5)).date()
        account = make_account(simulator.url, exchange="okx", history_start=genesis)
        check(simulator, account, database, db, clock.now)
        # what was placed within 90 minutes is covered, whatever became of it
        since = clock.now - HOUR
        clock.now += HOUR
        sync_all(account, database)
        placed = _orders(simulator, since)
        unfilled = [row for row in placed.values() if row["filled"] == "0"]
        assert len(unfilled) > 20
        assert len(unfilled) > len(placed) * 0.9
        assert _stored(db, since) == {order_id: row["status"] for order_id, row in placed.items()}

        # two and a half hours later, orders were placed and forgotten in between
        clock.now += 5 * HOUR // 2
        sync_all(account, database)
        placed = _orders(simulator, since)
        lost = placed.keys() - _stored(db, since).keys()
        assert lost
        for row in (placed[order_id] for order_id in lost):
            assert (row["filled"], row["expired"]) == ("0", True)
            stream = "spot unfilled" if ":" not in row["market"] else "swap unfilled"
            assert _coverage(db, stream, row["created_at"]) == (
                False,
                True,
                "the exchange serves only 2 hours",
            )


@pytest.fixture(scope="module")
def margin_account() -> World:
    """Short two bitcoins, with isolated positions."""
    return World(
        seed=5,
        genesis=_AT - timedelta(days=101),
        pace=0.4,
        exchange="okx",
        layout=replace(LAYOUTS["okx"], isolated=frozenset({"SOL/USDT:USDT", "BTC/USD:BTC"})),
    )


def test_a_short_and_isolated_positions(
    margin_account: World, make_account: Make, database: str, db: Connection[TupleRow]
) -> None:
    clock = _Clock()
    with serve(margin_account, clock=clock, limits=False) as simulator:
        genesis = (_AT - timedelta(days=101)).date()
        account = make_account(simulator.url, exchange="okx", history_start=genesis)
        check(simulator, account, database, db, clock.now)
        held: dict[str, list[Decimal]] = dict(
            db.execute(
                "SELECT asset, array[total, debt, free] FROM alphapulse.balances_latest"
                " WHERE wallet = 'trading'"
            ).fetchall()
        )
        assert held["BTC"][0] < -1
        assert held["BTC"][1:] == [0, 0]
        modes = db.execute(
            "SELECT DISTINCT margin_mode FROM alphapulse.positions_latest"
        ).fetchall()
        assert {mode for (mode,) in modes} == {"cross", "isolated"}
        _assert_reconciled(clock, account, database, db)


@pytest.fixture
def earner() -> World:
    """With savings and on-chain earn."""
    return World(
        seed=5,
        genesis=_AT - timedelta(days=50),
        pace=0.2,
        exchange="okx",
        layout=OKX_ACCOUNTS["earn"],
    )


def test_interest_of_earn_that_was_never_used_is_not_lost(
    make_account: Make, database: str, db: Connection[TupleRow]
) -> None:
    """The list reaches back a month; an account without Earn lacks nothing of it."""
    world = World(seed=5, genesis=_AT - timedelta(days=40), exchange="okx")
    with serve(world, clock=lambda: NOW_MS, limits=False) as simulator:
        start = (_AT - timedelta(days=40)).date()
        account = make_account(
            simulator.url,
            exchange="okx",
            history_start=start,
            datasets=["balances", "ledger", "transfers"],
        )
        sync_all(account, database)
        interest = "SELECT count(*) FROM alphapulse.streams WHERE stream = 'earn'"
        interest += " AND dataset = 'ledger'"
        assert db.execute(interest.encode()).fetchone() == (0,)
        db.execute("UPDATE alphapulse.transfers SET to_wallet = 'earn' WHERE kind = 'transfer'")
        sync_all(account, database)
        assert db.execute(interest.encode()).fetchone() == (1,)


def test_an_account_with_earn(
    earner: World, make_account: Make, database: str, db: Connection[TupleRow]
) -> None:
    clock = _Clock()
    with serve(earner, clock=clock, limits=False) as simulator:
        genesis = (_AT - timedelta(days=50)).date()
        account = make_account(simulator.url, exchange="okx", history_start=genesis)
        check(simulator, account, database, db, clock.now)
        _assert_reconciled(clock, account, database, db)
    held = db.execute(
        "SELECT asset, used > 0, free > 0 FROM alphapulse.balances_latest WHERE wallet = 'earn'"
        " ORDER BY asset"
    ).fetchall()
    assert held == [("SOL", True, False), ("USDC", False, True), ("USDT", False, True)]
    reconciled = db.execute(
        "SELECT count(*) FROM portfolio.reconciliation"
        " WHERE wallet = 'earn' AND state = 'reconciled' AND other + transfers <> 0"
    ).fetchone()
    assert reconciled is not None
    assert reconciled[0] > 3
    # nothing is earned or spent by moving it
    kinds: dict[str, str] = dict(
        db.execute(
            "SELECT kind, string_agg(DISTINCT class, ' ') FROM alphapulse.ledger"
            " WHERE kind IN ('75', '76', '80', '82', '83', 'lending') GROUP BY kind"
        ).fetchall()
    )
    assert (kinds.pop("83"), kinds.pop("lending")) == ("reward", "interest")
    assert kinds == dict.fromkeys(("75", "76", "80", "82"), "transfer")
    [total] = db.execute(
        "SELECT read_total / exchange_total FROM alphapulse.books_latest WHERE book = 'earn'"
    ).fetchall()
    assert abs(total[0] - 1) < Decimal("0.0005")


@pytest.mark.parametrize("lost", ["transfers", "ledger"])
def test_a_list_of_earn_that_is_not_read_breaks_exactly_its_windows(
    lost: str,
    earner: World,
    make_account: Make,
    database: str,
    db: Connection[TupleRow],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    histories = dict(VENUES["okx"].histories)
    histories[lost] = {n: s for n, s in histories[lost].items() if n != "earn"}
    monkeypatch.setitem(VENUES, "okx", replace(VENUES["okx"], histories=histories))
    clock = _Clock()
    with serve(earner, clock=clock, limits=False) as simulator:
        genesis = (_AT - timedelta(days=50)).date()
        account = make_account(simulator.url, exchange="okx", history_start=genesis)
        for _ in range(4):
            sync_all(account, database)
            clock.now += 24 * HOUR
        truth = simulator.truth(clock.now, exchange="okx")
    refresh(db, PortfolioSettings())
    found = db.execute(
        "SELECT asset, opened_at, closed_at, residual FROM portfolio.reconciliation"
        " WHERE state NOT IN ('reconciled', 'pending') AND wallet = 'earn'"
    ).fetchall()
    assert found
    for asset, opened, closed, residual in found:
        if lost == "transfers":
            moved = [
                Decimal(row["amount"]) * (1 if row["to_wallet"] == "earn" else -1)
                for row in truth["transfers"]
                if (row["asset"], "earn")
                in ((asset, row["from_wallet"]), (asset, row["to_wallet"]))
                and opened < to_time(row["happened_at"]) <= closed
            ]
        else:
            moved = [
                Decimal(row["amount"])
                for row in truth["ledger"]
                if (row["wallet"], row["asset"]) == ("earn", asset)
                and opened < to_time(row["happened_at"]) <= closed
            ]
        assert residual == sum(moved)
    others = db.execute(
        "SELECT wallet, asset FROM portfolio.reconciliation"
        " WHERE state NOT IN ('reconciled', 'pending') AND wallet <> 'earn'"
    ).fetchall()
    assert others == []


def test_earn_that_is_not_read_is_a_book_of_its_size(
    earner: World, make_account: Make, database: str, db: Connection[TupleRow]
) -> None:
    with serve(earner, clock=_Clock(), limits=False) as simulator:
        account = make_account(simulator.url, exchange="okx", wallets=["trading", "funding"])
        sync_all(account, database)
    [(state, total, read)] = db.execute(
        "SELECT state, exchange_total, read_total FROM alphapulse.books_latest WHERE book = 'earn'"
    ).fetchall()
    assert (state, read) == ("unread", 0)
    assert total > 1000


def test_an_account_that_converts(
    make_account: Make, database: str, db: Connection[TupleRow]
) -> None:
    clock = _Clock()
    layout = OKX_ACCOUNTS["conversions"]
    world = World(seed=5, genesis=_AT - timedelta(days=50), pace=0.2, exchange="okx", layout=layout)
    with serve(world, clock=clock, limits=False) as simulator:
        genesis = (_AT - timedelta(days=50)).date()
        account = make_account(simulator.url, exchange="okx", history_start=genesis)
        check(simulator, account, database, db, clock.now)
        _assert_reconciled(clock, account, database, db)
    [counts] = db.execute(
        "SELECT (SELECT count(*) FROM alphapulse.conversions),"
        " (SELECT count(*) FROM alphapulse.ledger WHERE class = 'conversion'),"
        " (SELECT count(*) FROM portfolio.movements WHERE part = 'conversions')"
    ).fetchall()
    assert counts[0] > 20
    assert counts == (counts[0], 2 * counts[0], 2 * counts[0])


def test_repayments_count_once_listed_or_not(
    make_account: Make, database: str, db: Connection[TupleRow]
) -> None:
    """The list reaches back a week and is read once there are bills of it: these count what is
    older."""
    clock = _Clock()
    layout = OKX_ACCOUNTS["repayments"]
    world = World(seed=5, genesis=_AT - timedelta(days=20), pace=0.2, exchange="okx", layout=layout)
    with serve(world, clock=clock, limits=False) as simulator:
        genesis = (_AT - timedelta(days=20)).date()
        account = make_account(simulator.url, exchange="okx", history_start=genesis)
        sync_all(account, database)
        streams = "SELECT stream FROM alphapulse.streams WHERE dataset = 'conversions'"
        assert db.execute(streams).fetchall() == [("convert",)]
        check(simulator, account, database, db, clock.now)
        _assert_reconciled(clock, account, database, db)
    counts: dict[str, int] = dict(
        db.execute(
            "SELECT dataset, count(*) FROM portfolio.movements WHERE part = 'conversions'"
            " GROUP BY dataset"
        ).fetchall()
    )
    [(listed, repaid, booked)] = db.execute(
        "SELECT count(*), count(*) FILTER (WHERE starts_with(conversion_id, 'repay ')),"
        " (SELECT count(*) FROM alphapulse.ledger WHERE class = 'conversion')"
        " FROM alphapulse.conversions"
    ).fetchall()
    assert 8 <= repaid <= 11
    assert counts == {"conversions": 2 * listed, "ledger": booked - 2 * listed}
    assert counts["ledger"] > 20
    assert db.execute(
        "SELECT stream, reason FROM alphapulse.coverage_unreachable WHERE dataset = 'conversions'"
    ).fetchall() == [("one-click repay", "the exchange serves only 7 days")]


def _assert_reconciled(
    clock: _Clock, account: Account, database: str, db: Connection[TupleRow]
) -> None:
    """Every window between snapshots of three days adds up."""
    for _ in range(3):
        clock.now += 24 * HOUR
        sync_all(account, database)
    refresh(db, PortfolioSettings())
    states: dict[str, int] = dict(
        db.execute("SELECT state, count(*) FROM portfolio.reconciliation GROUP BY state").fetchall()
    )
    assert states.keys() <= {"reconciled", "pending"}
    assert states["reconciled"] > 5
    breaks = db.execute(
        "SELECT wallet, asset, residual, reason FROM portfolio.reconciliation"
        " WHERE state <> 'reconciled' AND closed_at < (SELECT max(closed_at)"
        " FROM portfolio.reconciliation)"
    ).fetchall()
    assert breaks == []


def _coverage(db: Connection[TupleRow], stream: str, at: int) -> tuple[Any, ...] | None:
    return db.execute(
        "SELECT covered @> %(at)s, unreachable @> %(at)s, unreachable_reason"
        " FROM alphapulse.coverage WHERE dataset = 'orders' AND stream = %(stream)s",
        {"at": datetime.fromtimestamp(at / 1000, UTC), "stream": stream},
    ).fetchone()


def test_bills_of_the_funding_account_appear_late(
    make_account: Make, database: str, db: Connection[TupleRow]
) -> None:
    """What was not listed yet is not covered, and is found by the next run."""
    world = World(seed=5, genesis=_AT - timedelta(days=9), exchange="okx")
    world.advance_to(NOW_MS)
    moved = [t for t in world.account.transfers.rows if t.kind == "transfer"][-1]
    clock = _Clock()
    clock.now = moved.happened_at + 40_000
    with serve(world, clock=clock, limits=False) as simulator:
        genesis = (_AT - timedelta(days=9)).date()
        account = make_account(simulator.url, exchange="okx", history_start=genesis)
        sync_all(account, database)
        wanted = true(simulator.truth(exchange="okx"), "transfers")
        late = wanted - stored(db, "transfers", account.name)
        assert {row[0] for row in late} == {"transfer"}
        clock.now += 10 * 60_000
        sync_all(account, database)
        assert wanted <= stored(db, "transfers", account.name)


# -- regions, demo trading, a new account ----------------------------------------------------------


@pytest.mark.parametrize("exchange", ["okxus", "myokx"])
def test_the_hosts_of_other_regions_are_read_like_okx(
    exchange: str,
    simulator: Simulator,
    make_account: Make,
    database: str,
    db: Connection[TupleRow],
) -> None:
    """Contracts of kinds that ccxt does not list there have no known size."""
    account = make_account(simulator.url, exchange=exchange)
    sync_all(account, database)
    truth = simulator.truth(NOW_MS, exchange="okx")
    for dataset in ("orders", "transfers", "funding", "ledger"):
        assert stored(db, dataset, account.name) == true(truth, dataset), dataset
    missing = {row["trade_id"] for row in truth["trades"]}
    costs = db.execute("SELECT trade_id, market, cost FROM alphapulse.trades").fetchall()
    assert missing == {trade_id for trade_id, _, _ in costs}
    unlisted = {":" in market for _, market, cost in costs if cost is None}
    assert unlisted == ({True} if exchange == "okxus" else set())
    gaps = db.execute("SELECT dataset, stream, reason FROM alphapulse.coverage_gaps").fetchall()
    assert gaps == []


def test_demo_trading(
    make_account: Make,
    database: str,
    db: Connection[TupleRow],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It has no deposits and withdrawals, and keys of its own."""
    world = World(seed=5, genesis=_AT - timedelta(days=3), exchange="okx")
    with serve(world, clock=_Clock(), limits=False, keys=[Key(demo=True)]) as simulator:
        genesis = (_AT - timedelta(days=3)).date()
        account = make_account(simulator.url, exchange="okx", history_start=genesis)
        with pytest.raises(ExchangeFailure, match="for demo trading") as raised:
            sync_all(account, database)
        assert raised.value.kind is Kind.CREDENTIALS
        monkeypatch.setenv(account.environment.testnet, "demo")
        sync_all(account, database)
        truth = simulator.truth(exchange="okx")
    for dataset in ("trades", "orders", "ledger", "balances"):
        assert stored(db, dataset, account.name) == true(truth, dataset), dataset
    moved = {row for row in true(truth, "transfers") if row[0] == "transfer"}
    assert moved
    assert stored(db, "transfers", account.name) == moved
    skipped = db.execute("SELECT part, state FROM alphapulse.skipped ORDER BY part").fetchall()
    assert [(part, state) for part, state in skipped] == [
        ("deposits", "not_enabled"),
        ("earn", "not_enabled"),
        ("loan", "not_enabled"),
        ("staking", "not_enabled"),
        ("withdrawals", "not_enabled"),
    ]


def test_an_account_that_was_never_used(
    make_account: Make, database: str, db: Connection[TupleRow]
) -> None:
    layout = replace(LAYOUTS["okx"], empty=True)
    world = World(genesis=_AT - timedelta(days=3), exchange="okx", layout=layout)
    with serve(world, clock=_Clock(), limits=False) as simulator:
        genesis = (_AT - timedelta(days=3)).date()
        account = make_account(simulator.url, exchange="okx", history_start=genesis)
        for written in (sync_all(account, database), sync_all(account, database)):
            assert {name for name, done in written.items() if done.rows} <= {"prices", "books"}
    gaps = db.execute("SELECT dataset, stream, reason FROM alphapulse.coverage_gaps").fetchall()
    assert gaps == []
