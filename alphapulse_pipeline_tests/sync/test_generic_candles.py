"""Daily candles of an exchange without a venue of its own, read through ccxt."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.exchange.errors import ExchangeFailure
from alphapulse_pipeline.settings.accounts import Account
from alphapulse_pipeline.sync.session import open_session
from alphapulse_pipeline.sync.snapshots import snapshot
from alphapulse_pipeline.warehouse.writer import write
from alphapulse_pipeline_tests.exchange.servers import Reply
from alphapulse_pipeline_tests.sync.hollaex import (
    Hollaex,
    Make,
    fills,
    its_account,
    rejected,
    serving,
    sync,
)


@pytest.fixture
def exchange() -> Hollaex:
    return Hollaex(fills(seed=5, count=300))


@pytest.fixture
def account(exchange: Hollaex, make_account: Make) -> Iterator[Account]:
    with serving(exchange) as url:
        yield its_account(make_account, url)


DAY = timedelta(days=1)


@pytest.fixture
def today() -> datetime:
    return datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


@pytest.fixture
def charted(exchange: Hollaex, account: Account, database: str, today: datetime) -> Account:
    """The account since 200 days ago, holding bitcoin; its market is 150 days old."""
    exchange.closes = {today - n * DAY: f"{60_000 + n}.0000000000000000{n:03}" for n in range(151)}
    for quiet in (1, 3, 40, *range(90, 100)):
        del exchange.closes[today - quiet * DAY]
    with open_session(account, database, "test") as session:
        write(session.connection, snapshot(session, "balances"), "test")
    exchange.asked.clear()
    start = (today - 200 * DAY).date()
    settings = account.settings.model_copy(update={"history_start": start})
    return replace(account, settings=settings)


def closes(db: Connection[TupleRow]) -> list[tuple[Any, ...]]:
    return db.execute(
        "SELECT market, opened_at, close::text FROM alphapulse.candles ORDER BY opened_at"
    ).fetchall()


def test_closes_of_all_days_that_are_over_are_there_once(
    exchange: Hollaex, charted: Account, today: datetime, database: str, db: Connection[TupleRow]
) -> None:
    over = sorted(day for day in exchange.closes if day < today)
    for _ in range(2):
        sync(charted, database, "candles")
        assert closes(db) == [("BTC/USDT", day, exchange.closes[day]) for day in over]
        assert exchange.asked.count("/v2/chart") < 12
    # the days before the market was listed, and no day without trades
    assert db.execute("SELECT * FROM alphapulse.coverage_gaps").fetchall() == []
    assert db.execute(
        "SELECT stream, covered::text, unreachable::text FROM alphapulse.coverage"
        " WHERE covered = tstzmultirange(tstzrange(%s, %s))"
        " AND unreachable = tstzmultirange(tstzrange(%s, %s))",
        [over[0], today, today - 200 * DAY, over[0]],
    ).fetchall()


def test_a_close_that_cannot_be_read_is_read_again(
    exchange: Hollaex, charted: Account, today: datetime, database: str, db: Connection[TupleRow]
) -> None:
    late = today - 60 * DAY
    close, exchange.closes[late] = exchange.closes[late], "1e999999999"
    sync(charted, database, "candles")
    assert late not in {opened for _, opened, _ in closes(db)}
    assert len(rejected(db)) == 1
    [(start, end)] = db.execute(
        "SELECT lower(gap), upper(gap) FROM alphapulse.coverage_gaps"
    ).fetchall()
    assert start <= late < end
    exchange.closes[late] = close
    sync(charted, database, "candles")
    assert ("BTC/USDT", late, close) in closes(db)
    assert db.execute("SELECT * FROM alphapulse.coverage_gaps").fetchall() == []


def test_days_that_begin_at_another_time_are_skipped_and_not_an_error(
    exchange: Hollaex, charted: Account, database: str, db: Connection[TupleRow]
) -> None:
    exchange.closes = {day - 8 * timedelta(hours=1): c for day, c in exchange.closes.items()}
    for _ in range(2):
        sync(charted, database, "candles")
        assert closes(db) == []
        assert exchange.asked.count("/v2/chart") == 1
        assert db.execute("SELECT * FROM alphapulse.coverage_gaps").fetchall() == []
    [(part, reason)] = db.execute("SELECT part, reason FROM alphapulse.skipped").fetchall()
    assert part == "spot BTC/USDT"
    assert reason == "the exchange's daily candles do not begin at 00:00 UTC, but at 16:00"


@pytest.mark.usefixtures("single_attempt")
@pytest.mark.parametrize(
    "broken",
    [
        Reply(b"<html>maintenance</html>"),
        Reply(b'{"message": "too many"}', 429),
        Reply(b'[{"time": "2026-', cut=10),
    ],
    ids=["html", "throttled", "cut off"],
)
def test_an_error_is_never_a_quiet_market(
    exchange: Hollaex,
    charted: Account,
    database: str,
    db: Connection[TupleRow],
    covered: Callable[[], list[Any]],
    broken: Reply,
) -> None:
    exchange.broken = broken
    with pytest.raises(ExchangeFailure):
        sync(charted, database, "candles")
    assert (closes(db), covered()) == ([], [])
