"""Accounts that use everything their exchange offers: all of it is read, and it adds up."""

import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial

import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.exchange.errors import ExchangeFailure
from alphapulse_pipeline.exchange.venues import VENUES
from alphapulse_pipeline.portfolio.reconciliation import refresh
from alphapulse_pipeline.settings.accounts import Account
from alphapulse_pipeline.settings.portfolio import PortfolioSettings
from alphapulse_pipeline.sync.histories import history, whole_history
from alphapulse_pipeline.sync.session import open_session
from alphapulse_pipeline.sync.snapshots import snapshot
from alphapulse_pipeline.warehouse.writer import write
from alphapulse_pipeline_tests.conftest import NOW_MS
from alphapulse_pipeline_tests.sync.truth import IN_THE_BOOKS, stored, true
from exchange_simulator import Key, Simulator, World, serve
from exchange_simulator.layout import WHOLE_ACCOUNTS

Make = Callable[..., Account]
DB = Connection[TupleRow]
HOUR = 3_600_000
NOW = datetime.fromtimestamp(NOW_MS / 1000, UTC)
DAYS = 12
READ = (7 * 24, 76, 31, 0)
"""Hours before `NOW`."""


@contextmanager
def living(
    exchange: str, keys: Iterable[Key] = (Key(),), *, days: int = DAYS, pace: float = 0.2
) -> Iterator[Simulator]:
    world = World(
        seed=16, genesis=NOW - timedelta(days), layout=WHOLE_ACCOUNTS[exchange], pace=pace
    )
    with serve(world, clock=lambda: NOW_MS, limits=False, keys=list(keys)) as simulator:
        yield simulator


def at(
    simulator: Simulator,
    make_account: Make,
    hours: int,
    name: str = "",
    *,
    days: int = DAYS,
    key: str = Key().key,
) -> Account:
    """The account so many hours before `NOW_MS`, when the clock stands still."""
    exchange = simulator.world.layout.exchange
    now = NOW_MS - hours * HOUR
    simulator.set_clock(lambda: now)
    options = {"timeDifference": time.time_ns() // 1_000_000 - now + 50_000, "recvWindow": 59_000}
    start = (NOW - timedelta(days)).date()
    account = make_account(
        simulator.url, name or exchange, exchange=exchange, history_start=start, options=options
    )
    os.environ[account.environment.api_key] = key  # until the test ends: the fixture has set it
    return account


def read_all(account: Callable[[], Account], url: str) -> None:
    """Balances and all histories, each in a session of its own: the clock stands still, and an
    exchange refuses what is sent a minute later. Positions are left out: that a list of them has
    become empty takes several runs. Binance's are read, if that is none, since they name the
    options whose fills are then listed."""
    with open_session(account(), url, "test") as session:
        write(session.connection, snapshot(session, "balances"), "test")
        if session.account.settings.exchange == "binance":
            with suppress(ExchangeFailure):
                write(session.connection, snapshot(session, "positions"), "test")
        first, datasets = session.account, tuple(session.venue.histories)
    for dataset in datasets:
        # a new account of Kraken's would begin again with the nonces of the first
        same = first.settings.exchange == "kraken"
        with open_session(first if same else account(), url, "test") as session:
            rows = history(session, dataset, whole_history(session), fill=True)
            write(session.connection, rows, "test")


def differences(db: DB, account: str) -> dict[tuple[str, str], Decimal]:
    """(wallet, asset) -> the sum of what nothing explains, where anything is not reconciled."""
    return {
        (wallet, asset): residual
        for wallet, asset, residual in db.execute(
            "SELECT wallet, asset, sum(difference) FROM portfolio.reconciliation"
            " WHERE account = %s AND state <> 'reconciled' GROUP BY wallet, asset",
            [account],
        )
    }


REWARDS = {
    ("spot", "DIVIDEND"),
    ("spot", "COMMISSION_REBATE"),
    ("spot", "REFERRAL_KICKBACK"),
    ("earn", "REALTIME"),
}
HOLDS_NOTHING = {"binance": {"loan"}}
"""Wallets that only owe."""


@pytest.mark.parametrize("exchange", WHOLE_ACCOUNTS)
def test_everything_is_read_and_every_window_is_reconciled(
    exchange: str, make_account: Make, database: str, db: DB
) -> None:
    with living(exchange) as simulator:
        for hours in READ:
            read_all(partial(at, simulator, make_account, hours), database)
        truth = simulator.truth(NOW_MS, exchange=exchange)
        ever = simulator.truth(NOW_MS, exchange=exchange, expired=True)
    for dataset in truth.keys() & set(IN_THE_BOOKS) - {"positions"}:
        read, wanted = stored(db, dataset, exchange), true(truth, dataset)
        if dataset == "orders":
            # canceled ones are listed for a while only: the earlier runs have read more of them,
            # and of one that was dropped between two runs it is only known that it ended
            assert {row[:-1] for row in wanted} <= {row[:-1] for row in read}
            assert {row[:2] for row in read} <= {row[:2] for row in true(ever, dataset)}
        else:
            # OKX lists one-click repays for a week
            assert wanted <= read, dataset
            more = read - true(ever, dataset)
            # what Binance's spot wallet and Earn were paid is in no ledger of Binance's
            assert {row[:2] for row in more} <= REWARDS
    refresh(db, PortfolioSettings())
    assert differences(db, exchange) == {}
    moved = db.execute(
        "SELECT wallet, count(*) FROM portfolio.reconciliation"
        " WHERE state = 'reconciled' AND opening <> closing GROUP BY wallet"
    ).fetchall()
    assert {wallet for wallet, _ in moved} == set(
        WHOLE_ACCOUNTS[exchange].wallets
    ) - HOLDS_NOTHING.get(exchange, set())
    # a request that is pending is read again until it is completed: its moment is a gap
    gaps = db.execute(
        "SELECT dataset, stream FROM alphapulse.coverage_gaps"
        " WHERE upper(gap) - lower(gap) > interval '1 millisecond'"
    ).fetchall()
    assert gaps == []


@pytest.mark.nightly
@pytest.mark.parametrize("exchange", WHOLE_ACCOUNTS)
def test_two_years_reconcile(exchange: str, make_account: Make, database: str, db: DB) -> None:
    """Read every 25 days: OKX lists the interest of a month only. And once more at the end: the run
    after the one that lists the exercise of an option lists its fills."""
    days = 730
    with living(exchange, days=days, pace=0.02) as simulator:
        for hours in (*range((days - 30) * 24, 0, -25 * 24), 2, 0):
            read_all(partial(at, simulator, make_account, hours, days=days), database)
        truth = simulator.truth(NOW_MS, exchange=exchange, expired=True)
    refresh(db, PortfolioSettings())
    assert differences(db, exchange) == {}
    for dataset in {"transfers", "trades", "conversions"} & truth.keys():
        # what is read weeks later no longer says whether it was a liquidation, or taker or maker
        columns = slice(-2) if dataset == "trades" else slice(None)
        read, wanted = (
            # OKX lists one-click repays for a week: of older ones, the ledger has both sides
            {row[columns] for row in rows if not str(row[1]).startswith("repay ")}
            for rows in (stored(db, dataset, exchange), true(truth, dataset))
        )
        assert read == wanted, dataset
    [(windows,)] = db.execute(
        "SELECT count(*) FROM portfolio.reconciliation WHERE state = 'reconciled'"
    ).fetchall()
    assert windows > 200


MOVED = """
SELECT wallet, asset, sum(amount) FROM portfolio.movements
WHERE account = %s AND happened_at > (
    SELECT min(captured_at) FROM alphapulse.snapshots WHERE dataset = 'balances'
)
GROUP BY wallet, asset
"""
NOT_REPEATED = {
    "bybit": {
        ("transfers", "earn"),
        ("transfers", "on-chain earn"),
        ("ledger", "unified"),
        ("ledger", "funding"),
    },
    "binance": {
        *(
            ("conversions", name)
            for name in (
                "beth wraps",
                "convert",
                "eth redemptions",
                "eth stakes",
                "purchases",
                "sales",
                "sol redemptions",
                "sol stakes",
                "wbeth unwraps",
            )
        ),
        *(
            ("ledger", name)
            for name in (
                "dividends",
                "earn",
                "isolated",
                "loan repayments",
                "loans",
                "rebates",
            )
        ),
        *(
            ("transfers", name)
            for name in (
                "deposits",
                "eth redemptions",
                "fiat deposits",
                "fiat withdrawals",
                "flexible redemptions",
                "flexible subscriptions",
                "isolated margin",
                "loan repayments",
                "loans",
                "locked redemptions",
                "locked subscriptions",
                "coinm to spot",
                "margin to spot",
                "p2p purchases",
                "p2p sales",
                "pay",
                "purchases from outside",
                "sol redemptions",
                "spot to margin",
                "withdrawals",
            )
        ),
    },
    "okx": {
        ("transfers", "earn"),
        ("ledger", "trading"),
        ("ledger", "funding"),
        ("ledger", "earn"),
        ("ledger", "loan"),
        ("conversions", "ETH staking"),
        ("conversions", "SOL staking"),
    },
    "kraken": {("ledger", "ledger")},
}
"""What moved something that only one list has: elsewhere a ledger repeats the transfers, or fills,
funding and transfers repeat the ledger."""


@pytest.mark.nightly
@pytest.mark.parametrize("exchange", WHOLE_ACCOUNTS)
def test_what_is_not_read_is_a_difference_of_its_size(
    exchange: str, make_account: Make, database: str, db: DB, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every source in turn is not read, by an account of its own."""
    venue = VENUES[exchange]
    sources = [
        (dataset, stream)
        for dataset in ("transfers", "ledger", "funding", "conversions")
        for stream in venue.histories.get(dataset, {})
    ]
    # Kraken takes no smaller nonce of a key, and each account reads at the same times
    keys = [Key(), *(replace(Key(), key=f"key-{number}") for number in range(len(sources)))]
    with living(exchange, keys) as simulator:
        for hours in READ:
            read_all(partial(at, simulator, make_account, hours), database)
            for number, (dataset, stream) in enumerate(sources):
                streams = {n: s for n, s in venue.histories[dataset].items() if n != stream}
                less = replace(venue, histories={**venue.histories, dataset: streams})
                with monkeypatch.context() as patch:
                    patch.setitem(VENUES, exchange, less)
                    name, key = f"without_{number}", keys[number + 1].key
                    read_all(partial(at, simulator, make_account, hours, name, key=key), database)
    refresh(db, PortfolioSettings())

    def moved(account: str) -> dict[tuple[str, str], Decimal]:
        return {(wallet, asset): sum_ for wallet, asset, sum_ in db.execute(MOVED, [account])}

    everything, usual = moved(exchange), differences(db, exchange)
    assert usual == {}
    found_missing = set()
    for number, source in enumerate(sources):
        part = f"without_{number}"
        read, found = moved(part), differences(db, part)
        missing = {
            place: amount - read.get(place, 0)
            for place, amount in everything.items()
            if amount != read.get(place, 0)
        }
        assert missing == {
            place: difference - usual.get(place, 0)
            for place, difference in found.items()
            if difference != usual.get(place, 0)
        }, source
        if missing:
            found_missing.add(source)
    assert found_missing == NOT_REPEATED[exchange]
