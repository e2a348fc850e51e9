"""What moves between accounts of one owner keeps its cost, and is no flow of all of them."""

import random
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.datasets import SNAPSHOTS
from alphapulse_pipeline.portfolio.reconciliation import refresh as reconcile
from alphapulse_pipeline.portfolio.tables import DERIVED
from alphapulse_pipeline.settings.accounts import Account
from alphapulse_pipeline.settings.portfolio import PortfolioSettings
from alphapulse_pipeline.sync.histories import history, whole_history
from alphapulse_pipeline.sync.session import open_session
from alphapulse_pipeline.sync.snapshots import snapshot
from alphapulse_pipeline.warehouse.writer import write
from alphapulse_pipeline_tests.conftest import NOW_MS
from alphapulse_pipeline_tests.portfolio.bookkeeping import (
    booked,
    fill,
    group,
    half,
    held,
    lines,
    price,
    refresh,
    rows,
    transfer,
)
from exchange_simulator import Key, SubAccount, World, serve
from exchange_simulator.binance.sub_accounts import email
from exchange_simulator.layout import BINANCE_ACCOUNTS, LAYOUTS
from exchange_simulator.owner import Owner

DB = Connection[TupleRow]
D = Decimal
DAY, MINUTE = 86_400_000, 60_000


@pytest.fixture
def dollars(db: DB) -> None:
    price(db, "USD", 1)


def kinds(db: DB) -> set[str]:
    """Of the lines of what moved."""
    return {kind for (kind,) in lines(db, "BTC", "kind")}


@pytest.mark.usefixtures("dollars")
def test_both_halves_of_a_transfer_keep_the_cost(db: DB) -> None:
    price(db, "BTC", 500)
    bought = fill(db, 1, "BTC/USD", "buy", 2, 200)
    half(db, 3, "BTC", 1, "x", account="a", sent=True)
    refresh(db)
    assert held(db) == {("a", "BTC"): (1, 100)}
    half(db, 3, "BTC", 1, "x", account="b", sent=False)
    refresh(db)
    assert held(db) == {("a", "BTC"): (1, 100), ("b", "BTC"): (1, 100)}
    assert kinds(db) == {"transfer"}
    assert rows(db, "SELECT opened_by FROM portfolio.lots WHERE account = 'b'") == [(bought,)]


@pytest.mark.parametrize(
    ("asset", "amount", "name", "at"),
    [("ETH", 1, "x", 3), ("BTC", 2, "x", 3), ("BTC", 1, "y", 3), ("BTC", 1, "x", 2)],
)
@pytest.mark.usefixtures("dollars")
def test_halves_that_differ_are_not_one_transfer(
    db: DB, asset: str, amount: int, name: str, at: float
) -> None:
    price(db, "BTC", 500)
    price(db, "ETH", 50)
    fill(db, 1, "BTC/USD", "buy", 2, 200)
    half(db, 3, "BTC", 1, "x", account="a", sent=True)
    half(db, at, asset, amount, name, account="b", sent=False)
    refresh(db)
    assert rows(db, "SELECT * FROM portfolio.own_transfers") == []


@pytest.mark.usefixtures("dollars")
def test_entries_of_the_ledgers_of_one_owner_keep_the_cost(db: DB) -> None:
    """OKX has no list of transfers between accounts, only bills of both."""
    price(db, "BTC", 500)
    fill(db, 1, "BTC/USD", "buy", 2, 200)
    booked(db, 3, "MOVE", "BTC", -1, "a")
    booked(db, 3.001, "MOVE", "BTC", 1, "b")
    booked(db, 3.001, "MOVE", "BTC", 1, "stranger")
    refresh(db)
    assert held(db)["b", "BTC"] == held(db)["stranger", "BTC"] == (1, 500)
    group(db, "a", "b")
    refresh(db)
    assert held(db) == {
        ("a", "BTC"): (1, 100),
        ("b", "BTC"): (1, 100),
        ("stranger", "BTC"): (1, 500),
    }
    group(db, "a")
    group(db, "b")
    refresh(db)
    assert held(db)["b", "BTC"] == (1, 500)


@pytest.mark.usefixtures("dollars")
def test_an_entry_that_repeats_a_transfer_is_not_matched_twice(db: DB) -> None:
    price(db, "BTC", 500)
    group(db, "a", "b")
    fill(db, 1, "BTC/USD", "buy", 2, 200)
    transfer(db, 3, "withdrawal", "BTC", 1, txid="x")
    transfer(db, 3, "deposit", "BTC", 1, txid="x", account="b")
    booked(db, 3, "MOVE", "BTC", -1, "a")
    booked(db, 3, "MOVE", "BTC", 1, "b")
    refresh(db)
    assert len(rows(db, "SELECT * FROM portfolio.own_transfers")) == 1
    assert held(db) == {("a", "BTC"): (1, 100), ("b", "BTC"): (1, 100)}


@pytest.mark.usefixtures("dollars")
def test_transfers_without_a_wallet_are_matched_too(db: DB) -> None:
    """ccxt and imported files often do not say which wallet it was."""
    price(db, "BTC", 500)
    fill(db, 1, "BTC/USD", "buy", 2, 200)
    transfer(db, 3, "withdrawal", "BTC", 1, txid="x")
    transfer(db, 4, "deposit", "BTC", 1, txid="x", account="b")
    db.execute("UPDATE alphapulse.transfers SET from_wallet = NULL, to_wallet = NULL")
    refresh(db)
    assert rows(db, "SELECT wallet, from_wallet FROM portfolio.own_transfers") == [("", "")]


# -- a fund with sub-accounts, read from the exchange -------------------------------------------

GENESIS = datetime.fromtimestamp(NOW_MS / 1000, UTC) - timedelta(days=9)
FIRST_READ = NOW_MS - 4 * DAY
HELD = {"BTC": D("3.5"), "USDT": D(90_000)}
UNUSED = {
    "bybit": replace(LAYOUTS["bybit"], empty=True),
    "binance": BINANCE_ACCOUNTS["empty"],
}


class Fund:
    """A master account that is paid into once, and sub-accounts among which it moves."""

    def __init__(self, subs: int, transfers: int, exchange: str = "bybit") -> None:
        layout = UNUSED[exchange]
        worlds = {uid: World(genesis=GENESIS, layout=layout) for uid in range(7000, 7001 + subs)}
        self.owner = Owner(worlds)
        self.exchange = exchange
        dice = random.Random(5)
        start = int(GENESIS.timestamp() * 1000)
        books = {(uid, asset): D(0) for uid in worlds for asset in HELD}
        master = worlds[self.owner.master]
        master.advance_to(start)
        for asset, amount in HELD.items():
            master.account.transfer(
                start + 1, "deposit", asset, amount, to_wallet=layout.main, network="ETH"
            )
            books[self.owner.master, asset] = amount
        for at in sorted(dice.randrange(start + MINUTE, NOW_MS - MINUTE) for _ in range(transfers)):
            (sender, asset), most = dice.choice([place for place in books.items() if place[1]])
            receiver = dice.choice([uid for uid in worlds if uid != sender])
            amount = min(most, round(most * dice.randrange(1, 101) / 100 + D("1e-8"), 8))
            self.owner.transfer(at, asset, amount, sender, receiver, layout.main)
            books[sender, asset] -= amount
            books[receiver, asset] += amount
        self.books = books


def read(account: Account, url: str) -> None:
    with open_session(account, url, "test") as session:
        for dataset in ("balances", "positions", "prices", "transfers", "candles"):
            if dataset in SNAPSHOTS:
                batches = snapshot(session, dataset)
            else:
                batches = history(session, dataset, whole_history(session), fill=True)
            write(session.connection, batches, "test")


@pytest.mark.parametrize("exchange", UNUSED)
def test_transfers_of_a_small_fund_net_to_zero(
    exchange: str, make_account: Callable[..., Account], database: str, db: DB
) -> None:
    _net_to_zero(Fund(3, 60, exchange), make_account, database, db)
    for account in ("fund", "desk7001"):
        _missed_to_the_last_digit(account, db)


def _missed_to_the_last_digit(account: str, db: DB) -> None:
    """Without its list, the windows of an account differ by what the list has, and no others do."""
    totals = "SELECT account, asset, sum({}) FROM portfolio.{} WHERE {} GROUP BY 1, 2 ORDER BY 1, 2"
    with db.transaction(force_rollback=True):
        since = "happened_at > (SELECT min(captured_at) FROM alphapulse.snapshots)"
        mine = f"{since} AND dataset = 'transfers' AND account = '{account}' AND amount <> 0"
        moved = rows(db, totals.format("amount", "movements", f"{mine} AND part = 'transfers'"))
        db.execute("DELETE FROM alphapulse.transfers WHERE account = %s", [account])
        reconcile(db, PortfolioSettings(currency="USDT"))
        missing = rows(db, totals.format("difference", "reconciliation", "difference <> 0"))
        assert [row for row in moved if row[2]] == [row for row in missing if row[2]]
        assert missing


@pytest.mark.nightly
def test_five_hundred_transfers_among_forty_sub_accounts_net_to_zero(
    make_account: Callable[..., Account], database: str, db: DB
) -> None:
    _net_to_zero(Fund(40, 500), make_account, database, db)


def _living_at(account: Account, now: int) -> Account:
    """The account for a simulator whose clock stands still at `now`, for almost a minute."""
    behind = time.time_ns() // 1_000_000 - now
    options = {"timeDifference": behind + 50_000, "recvWindow": 59_000}
    return replace(account, settings=account.settings.model_copy(update={"options": options}))


def _net_to_zero(fund: Fund, make_account: Callable[..., Account], database: str, db: DB) -> None:
    now = [FIRST_READ]
    names = {
        uid: "fund" if uid == fund.owner.master else f"desk{uid}" for uid in fund.owner.accounts
    }
    with ExitStack() as stack:
        accounts = []
        for uid, world in fund.owner.accounts.items():
            key = Key(uid=uid, sub_account=uid != fund.owner.master)
            served = stack.enter_context(
                serve(world, clock=lambda: now[0], limits=False, keys=[key])
            )
            is_master = uid == fund.owner.master
            subs = [SubAccount(other, email(other), 0) for other in fund.owner.accounts]
            served.set_sub_accounts(*[sub for sub in subs if sub.uid != fund.owner.master])
            parts: dict[str, object] = {}
            if not is_master:
                parts = {"parent": "fund", "sub_account": str(uid)}
            parts |= {"exchange": fund.exchange, "history_start": GENESIS.date()}
            accounts.append(make_account(served.url, names[uid], **parts))
        for step in (FIRST_READ, FIRST_READ + DAY, NOW_MS):
            now[0] = step
            for account in accounts:
                now[0] += 7_000  # so that no two windows end at one time
                read(_living_at(account, now[0]), database)
    for table in DERIVED:
        table.refresh(db, PortfolioSettings(currency="USDT"))

    assert rows(db, "SELECT count(*) FROM portfolio.own_transfers") == [(fund.owner.count,)]
    assert (
        rows(
            db,
            "SELECT account, wallet, state FROM portfolio.reconciliation"
            " WHERE state NOT IN ('reconciled', 'pending')",
        )
        == []
    )
    # every lot is where the coins are, and all together cost what was paid in
    found = rows(db, "SELECT account, asset, amount FROM portfolio.cost_basis WHERE amount <> 0")
    coins = {(names[uid], asset): amount for (uid, asset), amount in fund.books.items() if amount}
    assert {(account, asset): amount for account, asset, amount in found} == {
        place: amount for place, amount in coins.items() if place[1] == "BTC"
    }
    assert rows(db, "SELECT sum(cost) FROM portfolio.cost_basis WHERE asset = 'BTC'") == rows(
        db, "SELECT value FROM portfolio.legs WHERE kind = 'deposit' AND asset = 'BTC'"
    )
    assert rows(db, "SELECT DISTINCT kind FROM portfolio.realized_pnl") == [("transfer",)]
    # nothing was paid in or out since, whatever moved
    days = rows(
        db,
        "SELECT day, flows, value, accounts FROM portfolio.group_value_daily"
        " WHERE master = 'fund' ORDER BY day",
    )
    assert len(days) >= 10
    assert days[0][1] > 0
    assert {flows for _, flows, *_ in days[1:]} == {0}
    assert any(
        flows
        for _, flows in rows(
            db,
            "SELECT day, flows FROM portfolio.value_daily WHERE account <> '' AND day > %s",
            days[0][0],
        )
    )
    assert {
        flows
        for (flows,) in rows(
            db,
            "SELECT flows FROM portfolio.value_daily WHERE account = '' AND day > %s",
            days[0][0],
        )
    } == {0}
    [(value, accounts)] = rows(
        db, "SELECT value, accounts FROM portfolio.group_value ORDER BY at DESC LIMIT 1"
    )
    assert accounts == len(names)
    assert [(value,)] == rows(
        db,
        "SELECT sum(value) FROM (SELECT DISTINCT ON (account) value FROM portfolio.value"
        " WHERE account <> '' ORDER BY account, at DESC) AS newest",
    )
