"""Binance's accounts as users have them: the tables equal the simulator's books."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.exchange.venues import VENUES
from alphapulse_pipeline.portfolio.reconciliation import refresh
from alphapulse_pipeline.settings.accounts import Account
from alphapulse_pipeline.settings.portfolio import PortfolioSettings
from alphapulse_pipeline.sync.histories import history, whole_history
from alphapulse_pipeline.sync.session import open_session
from alphapulse_pipeline.warehouse.writer import write
from alphapulse_pipeline_tests.conftest import NOW_MS
from alphapulse_pipeline_tests.sync.truth import COLUMNS, IN_THE_BOOKS, stored, sync_all, true
from exchange_simulator import Simulator, World, serve
from exchange_simulator.layout import BINANCE_ACCOUNTS, LAYOUTS, Layout
from exchange_simulator.records import Wallet

Make = Callable[..., Account]
DB = Connection[TupleRow]
HOUR = 3_600_000
NOW = datetime.fromtimestamp(NOW_MS / 1000, UTC)


@contextmanager
def living(layout: Layout | None = None, days: int = 2, **world: object) -> Iterator[Simulator]:
    """An account that is so many days old at `NOW_MS`, where its clock stands still."""
    young = World(genesis=NOW - timedelta(days), layout=layout, **world)  # type: ignore[arg-type]
    with serve(young, clock=lambda: NOW_MS, limits=False) as simulator:
        yield simulator


def at(
    simulator: Simulator, make_account: Make, hours: int, days: int = 2, **more: object
) -> Account:
    """The account so many hours before `NOW_MS`, when the clock stands still."""
    now = NOW_MS - hours * HOUR
    simulator.set_clock(lambda: now)
    options = {"timeDifference": time.time_ns() // 1_000_000 - now + 50_000, "recvWindow": 59_000}
    start = (NOW - timedelta(days)).date()
    return make_account(
        simulator.url, "binance", exchange="binance", history_start=start, options=options, **more
    )


def gaps(db: DB) -> list[tuple[str, str]]:
    return db.execute("SELECT dataset, stream FROM alphapulse.coverage_gaps").fetchall()


@pytest.mark.parametrize("dataset", ["funding", "ledger"])
def test_forty_positions_are_paid_in_one_millisecond(
    dataset: str, make_account: Make, database: str, db: DB
) -> None:
    """The second run finds the rows of one payment, and nothing else."""
    with living(extra_markets=80, holds_extra=True, pace=0) as simulator:
        for hours in (10, 0):
            account = at(simulator, make_account, hours)
            with open_session(account, database, "test") as session:
                rows = history(session, dataset, whole_history(session), fill=True)
                write(session.connection, rows, "test")
        truth = simulator.truth(NOW_MS, exchange="binance")
    wanted = true(truth, dataset)
    assert len(wanted) > 40
    assert stored(db, dataset, "binance") == wanted
    assert gaps(db) == []


@pytest.mark.parametrize("week", [False, True], ids=["any age", "seven days"])
def test_futures_are_complete_however_far_back_ids_reach(
    week: bool, make_account: Make, database: str, db: DB
) -> None:
    """Two runs, nine days apart: the second one continues from rows of the first."""
    days = 24
    layout = replace(LAYOUTS["binance"], week_by_id=week)
    with living(layout, days=days, pace=0.3) as simulator:
        for hours in (9 * 24, 0):
            account = at(simulator, make_account, hours, days)
            with open_session(account, database, "test") as session:
                for dataset in ("trades", "orders"):
                    rows = history(session, dataset, whole_history(session), fill=True)
                    write(session.connection, rows, "test")
        truth = simulator.truth(NOW_MS, exchange="binance", expired=True)
    assert stored(db, "trades", "binance") == true(truth, "trades")
    served = [row for row in truth["orders"] if not row["expired"]]
    read = stored(db, "orders", "binance")
    assert true({"orders": served}, "orders") <= read
    # of an order that ended and was dropped between the runs, only that it ended is known
    assert {row[:2] for row in read} <= {row[:2] for row in true(truth, "orders")}
    assert gaps(db) == []


def test_a_limit_that_comes_earlier_than_documented_costs_nothing_that_is_served(
    make_account: Make, database: str, db: DB, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Binance refuses a window that begins more than 90 days ago as a whole (-4166)."""
    days, venue = 110, VENUES["binance"]
    source = venue.histories["orders"]["usdm"]
    longer = replace(source, feed=replace(source.feed, horizon=timedelta(days=120)))
    histories = {**venue.histories, "orders": {"usdm": longer}}
    monkeypatch.setitem(VENUES, "binance", replace(venue, histories=histories))
    with living(replace(LAYOUTS["binance"], week_by_id=True), days=days, pace=0.1) as simulator:
        account = at(simulator, make_account, 0, days)
        with open_session(account, database, "test") as session:
            rows = history(session, "orders", whole_history(session), fill=True)
            write(session.connection, rows, "test")
    assert gaps(db) == []
    lost = db.execute(
        "SELECT DISTINCT upper(gap) - %s, reason FROM alphapulse.coverage_unreachable",
        [NOW - timedelta(days=90)],
    ).fetchall()
    assert lost
    for read_from, reason in lost:
        assert timedelta() <= read_from < timedelta(minutes=3)
        assert "restricted to recent 90 days" in reason


def test_conditional_orders_are_followed_to_their_end(
    make_account: Make, database: str, db: DB
) -> None:
    """Open in the first run, triggered or cancelled in the second; what one placed is there too."""
    found = "SELECT order_id, status, raw ->> 'actualOrderId' FROM alphapulse.orders"
    ended: dict[str, tuple[str, str]] = {}
    with living(days=3, pace=0.1) as simulator:
        for hours in (54, 44, 30, 20, 0):
            before = db.execute(f"{found} WHERE order_id LIKE 'algo-%'").fetchall()
            account = at(simulator, make_account, hours, 3)
            with open_session(account, database, "test") as session:
                orders = history(session, "orders", whole_history(session), fill=True)
                write(session.connection, orders, "test")
            after = {name: rest for name, *rest in db.execute(found).fetchall()}
            for name, status, _ in before:
                if status == "open" and after[name][0] != "open":
                    ended[name] = (after[name][0], after[name][1])
    assert {status for status, _ in ended.values()} == {"closed", "canceled"}
    for status, placed in ended.values():
        assert (placed in after) is (status == "closed")


def test_a_contract_that_was_delisted_before_the_first_sync_is_found_in_the_ledger(
    make_account: Make, database: str, db: DB
) -> None:
    with living(extra_markets=2, holds_extra=True) as simulator:
        catalogue = simulator.world.on("binance").catalogue
        gone = "T0000/USDT:USDT"
        catalogue.standing = tuple(
            replace(market, delisted_at=NOW_MS - HOUR) if market.name == gone else market
            for market in catalogue.standing
        )
        account = at(simulator, make_account, 0)
        with open_session(account, database, "test") as session:
            for dataset in ("ledger", "trades"):
                rows = history(session, dataset, whole_history(session), fill=True)
                write(session.connection, rows, "test")
        truth = simulator.truth(NOW_MS, exchange="binance")
    wanted = true(truth, "trades")
    assert gone in {row[0] for row in wanted}
    assert stored(db, "trades", "binance") == wanted


@pytest.mark.parametrize("kind", sorted(BINANCE_ACCOUNTS.keys() - {"loans", "staking", "rebates"}))
def test_accounts_that_lack_wallets_are_read_completely(
    kind: str, make_account: Make, database: str, db: DB
) -> None:
    """Read twice, so that there is a window between two snapshots, of more than a day, since some
    lists are read once a day."""
    layout = BINANCE_ACCOUNTS[kind]
    with living(layout, pace=2) as simulator:
        for hours in (25, 0):
            sync_all(at(simulator, make_account, hours), database)
        truth = simulator.truth(NOW_MS, exchange="binance")
    for dataset in IN_THE_BOOKS:
        assert stored(db, dataset, "binance") == true(truth, dataset), dataset
    assert gaps(db) == []
    statuses = db.execute("SELECT DISTINCT status FROM alphapulse.sync_status").fetchall()
    assert statuses == [("completed",)]
    refresh(db, PortfolioSettings())
    windows = "SELECT wallet, asset, state, residual FROM portfolio.reconciliation"
    found = db.execute(windows).fetchall()
    assert [row for row in found if row[2] != "reconciled"] == []
    assert bool(found) is not layout.empty


def move(simulator: Simulator, hours: int, source: Wallet, target: Wallet) -> None:
    """A transfer of ten dollars so many hours before `NOW_MS`."""
    world = simulator.world.on("binance")

    def transfer(at: int) -> None:
        world.account.transfer(
            at, "transfer", "USDT", Decimal(10), from_wallet=source, to_wallet=target
        )

    world.schedule(NOW_MS - hours * HOUR, transfer)


def states(db: DB) -> set[str]:
    refresh(db, PortfolioSettings())
    found = db.execute("SELECT DISTINCT state FROM portfolio.reconciliation").fetchall()
    return {row[0] for row in found}


def test_what_was_traded_before_portfolio_margin_stays_visible(
    make_account: Make, database: str, db: DB
) -> None:
    """The account traded futures, and the rest of that time is unreachable, not forgotten."""
    lost = (
        "SELECT DISTINCT split_part(stream, ' ', 1), reason FROM alphapulse.coverage_unreachable"
        " WHERE dataset = 'trades' ORDER BY 1"
    )
    with living(pace=2) as simulator:
        move(simulator, 7, "usdm", "spot")
        world = simulator.world.on("binance")
        before = world.layout
        sync_all(at(simulator, make_account, 10), database)
        assert db.execute(lost).fetchall() == []
        world.layout = replace(before, portfolio_margin=True, wallets=("spot", "funding"))
        db.execute("UPDATE alphapulse.keys SET checked_at = checked_at - interval '1 day'")
        sync_all(at(simulator, make_account, 5), database)
        assert gaps(db) == []
        found = db.execute(lost).fetchall()
        assert [wallet for wallet, _ in found] == ["coinm", "isolated", "margin", "usdm"]
        assert {reason for _, reason in found} == {
            "the key may not list it: the account uses Portfolio Margin: what it does on margin "
            "and futures is in the wallet portfolio margin, and what it did there before cannot "
            "be listed"
        }
        assert states(db) == {"reconciled"}

        world.layout = before
        db.execute("UPDATE alphapulse.keys SET checked_at = checked_at - interval '1 day'")
        sync_all(at(simulator, make_account, 0), database)
        truth = simulator.truth(NOW_MS, exchange="binance")
    assert gaps(db) == db.execute(lost).fetchall() == []
    for dataset in ("trades", "transfers", "ledger", "funding", "balances"):
        assert stored(db, dataset, "binance") == true(truth, dataset), dataset
    assert states(db) == {"reconciled"}


def test_wallets_that_are_left_out_for_a_while_break_nothing(
    make_account: Make, database: str, db: DB
) -> None:
    """Transfers into and out of them are read, and their own balances are not compared."""
    with living(pace=2) as simulator:
        move(simulator, 20, "spot", "margin")
        move(simulator, 12, "margin", "spot")
        for hours, wallets in (
            (24, None),
            (16, ["spot", "usdm"]),
            (8, ["spot", "usdm"]),
            (0, None),
        ):
            sync_all(at(simulator, make_account, hours, wallets=wallets), database)
            assert states(db) <= {"reconciled"}, hours
        truth = simulator.truth(NOW_MS, exchange="binance")
    assert stored(db, "transfers", "binance") == true(truth, "transfers")
    compared = db.execute(
        "SELECT wallet, count(DISTINCT closed_at) FROM portfolio.reconciliation"
        " GROUP BY wallet ORDER BY wallet"
    ).fetchall()
    assert compared == [("spot", 3), ("usdm", 3)]


def test_what_moves_to_options_is_explained(make_account: Make, database: str, db: DB) -> None:
    """By transfers in spot, and by the funding flow in options."""
    with living(BINANCE_ACCOUNTS["options"], days=4, pace=0.5) as simulator:
        for hours in (20, 12):
            move(simulator, hours, "spot", "option")
        move(simulator, 6, "option", "spot")
        for hours in (32, 28, 9, 0):
            sync_all(at(simulator, make_account, hours, days=4), database)
        truth = simulator.truth(NOW_MS, exchange="binance")
    assert stored(db, "transfers", "binance") == true(truth, "transfers")
    assert stored(db, "balances", "binance") == true(truth, "balances")
    moved = db.execute(
        "SELECT from_wallet, to_wallet, amount FROM alphapulse.transfers"
        " WHERE 'option' IN (from_wallet, to_wallet) ORDER BY happened_at"
    ).fetchall()
    assert moved == [*[("spot", "option", 10)] * 2, ("option", "spot", 10)]
    assert states(db) == {"reconciled"}
    db.execute("DELETE FROM alphapulse.transfers WHERE 'option' IN (from_wallet, to_wallet)")
    refresh(db, PortfolioSettings())
    missing = "SELECT asset, difference FROM portfolio.reconciliation WHERE difference <> 0"
    assert db.execute(f"{missing} ORDER BY closed_at").fetchall() == [("USDT", -20), ("USDT", 10)]


def test_demo_trading_has_spot_and_futures(
    make_account: Make, database: str, db: DB, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its server has no /sapi endpoints: what is read from them is skipped."""
    with living() as simulator:
        account = at(simulator, make_account, 0)
        monkeypatch.setenv(account.environment.testnet, "demo")
        sync_all(account, database)
        truth = simulator.truth(NOW_MS, exchange="binance")
        assert not [seen.path for seen in simulator.requests if seen.path.startswith("/sapi")]
    read = ("spot", "usdm", "coinm")
    wallet = COLUMNS["trades"].index("wallet")
    wanted = {row for row in true(truth, "trades") if row[wallet] in read}
    assert stored(db, "trades", "binance") == wanted
    assert {row[0] for row in stored(db, "balances", "binance")} == set(read)
    statuses = db.execute("SELECT DISTINCT status FROM alphapulse.sync_status").fetchall()
    assert statuses == [("completed",)]
