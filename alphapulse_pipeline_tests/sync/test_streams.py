"""If fills are listed per market: every market is read, the quiet ones once a day."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.settings.accounts import Account
from alphapulse_pipeline.sync.histories import history, whole_history
from alphapulse_pipeline.sync.session import open_session
from alphapulse_pipeline.sync.snapshots import snapshot
from alphapulse_pipeline.warehouse.writer import write
from alphapulse_pipeline_tests.conftest import NOW_MS
from alphapulse_pipeline_tests.sync.truth import stored, true
from exchange_simulator import Simulator, World, serve
from exchange_simulator.markets import DELISTING_DAY

Make = Callable[..., Account]

MINUTE = 60_000
DAY = 24 * 60 * MINUTE


def sync(simulator: Simulator, make: Make, url: str, now: int) -> int:
    """Sync balances and fills at a time. Returns the number of requests for spot fills."""
    simulator.set_clock(lambda: now)
    before = len(simulator.requests)
    start = datetime.fromtimestamp(simulator.world.genesis / 1000, UTC).date()
    account = make(simulator.url, "binance", exchange="binance", history_start=start)
    shift = account.settings.options["timeDifference"] - (now - NOW_MS)
    options = {**account.settings.options, "timeDifference": shift}
    account = make(
        simulator.url, "binance", exchange="binance", history_start=start, options=options
    )
    with open_session(account, url, f"at {now}") as session:
        write(session.connection, snapshot(session, "balances"), "run")
        batches = history(session, "trades", whole_history(session), fill=True)
        write(session.connection, batches, "run")
    paths = Counter(seen.path for seen in list(simulator.requests)[before:])
    return paths["/api/v3/myTrades"]


def test_quiet_markets_are_read_once_a_day(
    make_account: Make, database: str, db: Connection[TupleRow]
) -> None:
    genesis = datetime(2026, 10, 1, tzinfo=UTC)
    with serve(World(7, genesis, extra_markets=60), limits=False) as simulator:
        first = sync(simulator, make_account, database, NOW_MS)
        listed = db.execute(
            "SELECT count(*) FROM alphapulse.streams WHERE stream LIKE 'spot %'"
        ).fetchone()
        assert listed is not None
        assert listed[0] > 30  # every market, even those without fills
        assert first > listed[0]
        assert db.execute("SELECT * FROM alphapulse.coverage_gaps").fetchall() == []
        # once more past the first snapshot, which what was held before is calculated from
        assert sync(simulator, make_account, database, NOW_MS + 15 * MINUTE) >= listed[0]
        # within the day only the relevant markets
        assert sync(simulator, make_account, database, NOW_MS + 30 * MINUTE) < listed[0] / 2
        assert sync(simulator, make_account, database, NOW_MS + DAY + 16 * MINUTE) > listed[0]
        truth = simulator.truth(NOW_MS + DAY + 16 * MINUTE, exchange="binance")
        assert stored(db, "trades", "binance") == true(truth, "trades")


def test_markets_without_trading_are_read_once_a_week(
    make_account: Make, database: str, db: Connection[TupleRow]
) -> None:
    genesis = datetime(2026, 10, 1, tzinfo=UTC)
    with serve(World(7, genesis, extra_markets=60), limits=False) as simulator:
        sync(simulator, make_account, database, NOW_MS)
        sync(simulator, make_account, database, NOW_MS + 15 * MINUTE)
        db.execute("UPDATE alphapulse.markets SET active = false WHERE market LIKE 'T00%'")
        halted = db.execute(
            "SELECT count(*) FROM alphapulse.streams WHERE stream LIKE 'spot T00%'"
        ).fetchone()
        assert halted is not None
        assert halted[0] > 20

        def asked(now: int) -> set[str]:
            sync(simulator, make_account, database, now)
            read = db.execute(
                "SELECT stream FROM alphapulse.streams WHERE upper(wanted) > %s",
                [datetime.fromtimestamp(now / 1000, UTC) - timedelta(hours=1)],
            ).fetchall()
            return {stream for (stream,) in read if stream.startswith("spot T00")}

        assert asked(NOW_MS + DAY + 16 * MINUTE) == set()
        assert len(asked(NOW_MS + 7 * DAY + 16 * MINUTE)) == halted[0]


def test_a_quiet_market_that_was_not_read_completely_is_read_again(
    make_account: Make, database: str, db: Connection[TupleRow]
) -> None:
    genesis = datetime(2026, 10, 10, tzinfo=UTC)
    with serve(World(7, genesis, extra_markets=10), limits=False) as simulator:
        sync(simulator, make_account, database, NOW_MS)
        # what a killed run leaves behind: a wanted range without coverage
        deleted = db.execute(
            "DELETE FROM alphapulse.coverage WHERE stream = 'spot T0000/USDT' RETURNING stream"
        ).fetchall()
        assert deleted == [("spot T0000/USDT",)]
        sync(simulator, make_account, database, NOW_MS + 15 * MINUTE)
        assert db.execute("SELECT * FROM alphapulse.coverage_gaps").fetchall() == []


def test_a_guessed_market_that_does_not_exist_is_requested_once(
    make_account: Make, database: str, db: Connection[TupleRow]
) -> None:
    genesis = datetime(2026, 7, 1, tzinfo=UTC)
    with serve(World(7, genesis), limits=False) as simulator:
        sync(simulator, make_account, database, NOW_MS)
        truth = simulator.truth(NOW_MS, exchange="binance")
        assert "FTM/USDT" not in {row["market"] for row in truth["prices"]}  # delisted since
        found = stored(db, "trades", "binance")
        assert found == true(truth, "trades")
        assert "FTM/USDT" in {row[0] for row in found}
        refused = db.execute("SELECT count(*) FROM alphapulse.markets WHERE type = 'none'")
        assert refused.fetchone() != (0,)
        # no stream of theirs is left to be read again or shown as a gap
        left = db.execute(
            "SELECT stream FROM alphapulse.streams JOIN alphapulse.markets AS m"
            " ON m.market = split_part(stream, ' ', 2) WHERE m.type = 'none'"
        ).fetchall()
        assert left == []
        assert db.execute("SELECT * FROM alphapulse.coverage_gaps").fetchall() == []
        again = sync(simulator, make_account, database, NOW_MS + DAY + 16 * MINUTE)
        assert again < 40


def test_a_listed_market_that_the_exchange_disowns_stops_nothing_else(
    make_account: Make, database: str, db: Connection[TupleRow]
) -> None:
    """Its time is unreachable, never covered, and a gap again once the exchange serves it."""
    genesis = datetime(2026, 7, 26, tzinfo=UTC)
    delisted = int(genesis.timestamp() * 1000) + DELISTING_DAY * DAY
    with serve(World(7, genesis), limits=False) as simulator:
        world = simulator.world.on("binance")
        sync(simulator, make_account, database, delisted - DAY)
        rows = stored(db, "trades", "binance")
        assert any(row[0] == "FTM/USDT" for row in rows)
        world.layout = replace(world.layout, forgets_delisted=True)
        sync(simulator, make_account, database, delisted + 2 * MINUTE)
        assert stored(db, "trades", "binance") >= rows
        assert db.execute("SELECT * FROM alphapulse.coverage_gaps").fetchall() == []
        lost = db.execute(
            "SELECT stream, unreachable_reason FROM alphapulse.coverage"
            " WHERE unreachable <> '{}' AND stream LIKE 'spot %'"
        ).fetchall()
        assert [stream for stream, _ in lost] == ["spot FTM/USDT"]
        assert "does not know the market" in lost[0][1]
        world.layout = replace(world.layout, forgets_delisted=False)
        sync(simulator, make_account, database, delisted + DAY + 15 * MINUTE)  # it answers again
        sync(simulator, make_account, database, delisted + DAY + 30 * MINUTE)
        assert db.execute(
            "SELECT unreachable <> '{}', covered @> tstzrange(%s, %s) FROM alphapulse.coverage"
            " WHERE stream = 'spot FTM/USDT' AND dataset = 'trades'",
            [genesis, genesis + timedelta(days=DELISTING_DAY)],
        ).fetchone() == (False, True)
