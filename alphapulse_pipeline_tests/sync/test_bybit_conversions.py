"""Conversions of Bybit: all are read, and each counts once, although the ledgers book them too."""

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.exchange.feed import to_time
from alphapulse_pipeline.exchange.venues import VENUES
from alphapulse_pipeline.portfolio import prices, realized_pnl
from alphapulse_pipeline.portfolio.reconciliation import refresh
from alphapulse_pipeline.settings.accounts import Account
from alphapulse_pipeline.settings.portfolio import PortfolioSettings
from alphapulse_pipeline_tests.conftest import NOW_MS
from alphapulse_pipeline_tests.sync.test_bybit_earn import Clock, deployed, served
from alphapulse_pipeline_tests.sync.test_truth import check
from alphapulse_pipeline_tests.sync.truth import stored, sync_all, true
from exchange_simulator import Key, World
from exchange_simulator.keys import ALL_SCOPES
from exchange_simulator.layout import BYBIT_CONVERSIONS
from exchange_simulator.markets import DAY

Make = Callable[..., Account]
DB = Connection[TupleRow]
START = to_time(NOW_MS) - timedelta(days=50)
DAYS = 4


@pytest.fixture(scope="module")
def converter() -> World:
    """Converts in both wallets, small balances as well."""
    return World(seed=5, genesis=START, pace=0.2, layout=BYBIT_CONVERSIONS)


def test_every_conversion_is_read_and_counts_once(
    converter: World, make_account: Make, database: str, db: DB
) -> None:
    clock = Clock()
    with served(converter, clock) as simulator:
        account = deployed(simulator, make_account)
        check(simulator, account, database, db, clock.now)
        for _ in range(DAYS):
            clock.now += DAY
            sync_all(account, database)
        truth = simulator.truth(clock.now)
    assert stored(db, "conversions", account.name) == true(truth, "conversions")
    kinds: dict[str, int] = dict(
        db.execute("SELECT kind || ' ' || wallet, count(*) FROM alphapulse.conversions GROUP BY 1")
    )
    assert kinds.keys() == {"convert unified", "convert funding", "dust unified"}
    assert min(kinds.values()) > 10, kinds
    booked = db.execute("SELECT count(*) FROM alphapulse.ledger WHERE class = 'conversion'")
    assert booked.fetchone() == (2 * sum(kinds.values()),)
    counted = db.execute(
        "SELECT DISTINCT dataset FROM portfolio.movements WHERE part = 'conversions'"
    )
    assert counted.fetchall() == [("conversions",)]
    assert _not_reconciled(db) == {}
    states: dict[str, int] = dict(
        db.execute("SELECT state, count(*) FROM portfolio.reconciliation GROUP BY state").fetchall()
    )
    assert states["reconciled"] > 20


def test_each_conversion_is_realized_once_whichever_list_comes_first(
    converter: World,
    make_account: Make,
    database: str,
    db: DB,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without the lists, the ledgers' entries balance, as income and expenses of a name. The rows
    take their place when they come."""
    venue = VENUES["bybit"]
    histories = {name: rows for name, rows in venue.histories.items() if name != "conversions"}
    with served(converter) as simulator:
        account = deployed(simulator, make_account)
        with monkeypatch.context() as without_lists:
            without_lists.setitem(VENUES, "bybit", replace(venue, histories=histories))
            sync_all(account, database)
        assert _realized(db) >= {
            "expense Convert",
            "expense CURRENCY_SELL",
            "income Convert",
            "income CURRENCY_BUY",
        }
        sync_all(account, database)
    assert _realized(db) == set()
    given = {
        (f"{kind} {id_}", asset): amount
        for kind, id_, asset, amount in db.execute(
            "SELECT kind, conversion_id, from_asset, from_amount FROM alphapulse.conversions"
        )
    }
    realized = {
        (entry, asset): amount
        for entry, asset, amount in db.execute(
            "SELECT closed_by, asset, sum(amount) FROM portfolio.realized_pnl"
            " WHERE kind = 'trade' AND split_part(closed_by, ' ', 1) IN ('convert', 'dust')"
            " GROUP BY closed_by, asset"
        )
    }
    assert realized == given


def _realized(db: DB) -> set[str]:
    """Kind and first word of the entry of each line of the ledgers' conversions."""
    prices.refresh(db, PortfolioSettings())
    realized_pnl.refresh(db, PortfolioSettings())
    found = db.execute(
        "SELECT DISTINCT kind || ' ' || split_part(closed_by, ' ', 1) FROM portfolio.realized_pnl"
        " WHERE split_part(closed_by, ' ', 1) IN ('Convert', 'CURRENCY_BUY', 'CURRENCY_SELL')"
    ).fetchall()
    return {name for (name,) in found}


def test_entries_that_nothing_lists_any_more_are_missed_to_the_last_digit(
    converter: World, make_account: Make, database: str, db: DB
) -> None:
    clock = Clock()
    with served(converter, clock) as simulator:
        account = deployed(simulator, make_account)
        for _ in range(DAYS):
            sync_all(account, database)
            clock.now += DAY
    window = "happened_at > (SELECT min(captured_at) FROM alphapulse.snapshots)"
    moved = db.execute(
        "SELECT wallet || ' ' || asset, sum(amount) FROM portfolio.movements"
        " WHERE part IN ('conversions', 'fees') AND dataset = 'conversions'"
        f" AND {window} GROUP BY 1 HAVING sum(amount) <> 0".encode()
    ).fetchall()
    assert len(moved) > 2
    db.execute("DELETE FROM alphapulse.ledger WHERE class = 'conversion'")
    assert _not_reconciled(db) == {}
    db.execute("DELETE FROM alphapulse.conversions")
    assert _not_reconciled(db) == dict(moved)


def test_a_key_without_the_right_to_convert(
    converter: World, make_account: Make, database: str, db: DB
) -> None:
    """Its lists are closed, and stop nothing else."""
    scopes = frozenset(ALL_SCOPES - {"wallet"})
    with served(converter, key=Key(scopes=scopes)) as simulator:
        account = deployed(simulator, make_account)
        narrowed = replace(
            account, settings=account.settings.model_copy(update={"datasets": ["conversions"]})
        )
        sync_all(narrowed, database)
    assert db.execute(
        "SELECT part, state, reason FROM alphapulse.skipped WHERE dataset = 'conversions'"
        " ORDER BY part"
    ).fetchall() == [
        (stream, "closed", "the key lacks the permission ExchangeHistory")
        for stream in ("convert", "dust", "website funding", "website unified")
    ]


def test_conversions_of_the_website_before_they_were_listed(
    make_account: Make, database: str, db: DB
) -> None:
    """Once the ledger has a conversion, that time is not taken for complete. What is listed of it
    is stored."""
    start = datetime(2025, 9, 1, tzinfo=UTC)
    world = World(seed=5, genesis=start, pace=0.1, layout=BYBIT_CONVERSIONS)
    clock = Clock(int(start.timestamp() * 1000) + 20 * DAY)
    with served(world, clock) as simulator:
        options = {"timeDifference": time.time_ns() // 1_000_000 - clock.now + 500_000}
        account = make_account(
            simulator.url,
            history_start=start.date(),
            options=options | {"recvWindow": 9 * DAY},
            datasets=["conversions", "ledger"],
        )
        sync_all(account, database)
        unreachable = "SELECT stream, lower(gap), upper(gap) FROM alphapulse.coverage_unreachable"
        assert db.execute(unreachable).fetchall() == []
        sync_all(account, database)
        truth = simulator.truth(clock.now)
    assert stored(db, "conversions", account.name) == true(truth, "conversions")
    since = datetime(2025, 9, 10, tzinfo=UTC)
    assert sorted(db.execute(unreachable).fetchall()) == [
        ("website funding", start, since),
        ("website unified", start, since),
    ]
    first = db.execute("SELECT min(happened_at) FROM alphapulse.conversions").fetchone()
    assert first is not None
    assert first[0] < since


def _not_reconciled(db: DB) -> dict[str, Decimal]:
    refresh(db, PortfolioSettings())
    found = db.execute(
        "SELECT wallet || ' ' || asset, sum(residual) FROM portfolio.reconciliation"
        " WHERE state NOT IN ('reconciled', 'pending') OR residual <> 0 GROUP BY 1"
    ).fetchall()
    return dict(found)
