"""A failure gives its reason in one line, writes no rows, and proves no coverage."""

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.exchange.errors import ExchangeFailure
from alphapulse_pipeline.settings.accounts import Account
from alphapulse_pipeline.sync.histories import history, whole_history
from alphapulse_pipeline.sync.session import Session, open_session
from alphapulse_pipeline.sync.snapshots import snapshot
from alphapulse_pipeline.warehouse.batches import Batches, TimeRange
from alphapulse_pipeline.warehouse.writer import write
from alphapulse_pipeline_tests.bybit_datasets import HISTORIES, SNAPSHOTS
from alphapulse_pipeline_tests.conftest import GENESIS, NOW_MS
from exchange_simulator import Key, Simulator, World, serve

NOW = datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=NOW_MS)
Make = Callable[..., Account]
pytestmark = pytest.mark.usefixtures("single_attempt")


def sync(account: Account, url: str) -> dict[str, str]:
    """Sync every dataset. Returns the failure of each, or ''."""
    outcome = {}
    with open_session(account, url, "test") as session:
        for dataset in (*SNAPSHOTS, *HISTORIES):
            try:
                write(session.connection, _batches(session, dataset), "test")
                outcome[dataset] = ""
            except ExchangeFailure as failure:
                outcome[dataset] = str(failure)
    return outcome


def _batches(session: Session, dataset: str) -> Batches:
    if dataset in SNAPSHOTS:
        return snapshot(session, dataset)
    # a short range: failures do not depend on its length
    return history(session, dataset, TimeRange(NOW - timedelta(days=1), NOW), fill=True)


@contextmanager
def closed_port() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    yield f"http://127.0.0.1:{port}"


@contextmanager
def sick(world: World, *faults: str, key: Key | None = None) -> Iterator[str]:
    with serve(world, clock=lambda: NOW_MS, faults=faults, keys=[key or Key()]) as simulator:
        yield simulator.url


CASES: dict[str, tuple[Callable[[World], Any], str, list[str]]] = {
    "wrong secret": (
        lambda w: sick(w, key=Key(secret="another")),
        "credentials",
        ["error sign!", "check BYBIT_API_SECRET: it does not match the key in BYBIT_API_KEY"],
    ),
    "wrong key": (
        lambda w: sick(w, key=Key(key="another")),
        "credentials",
        ['"API key is invalid" (10003)', "BYBIT_API_KEY"],
    ),
    "ban": (
        lambda w: sick(w, "status=418"),
        "banned",
        ["banned this machine's address or key", "wait until the ban ends"],
    ),
    "unreachable": (lambda w: closed_port(), "transient", ["cannot be reached", "BYBIT_API_URL"]),
    "HTML": (lambda w: sick(w, "html"), "transient", ["not JSON", "check the network"]),
    "expired key": (
        lambda w: sick(w, key=Key(expires_at=NOW_MS - 1)),
        "credentials",
        ['expired" (33004)', "BYBIT_API_KEY"],
    ),
    "missing permission": (
        lambda w: sick(w, key=Key(scopes=frozenset())),
        "credentials",
        [
            "does not report what the key in BYBIT_API_KEY may do",
            "Permission denied",
            "grant the key in BYBIT_API_KEY read permission",
        ],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_everything_fails_and_says_why(
    case: str,
    world: World,
    make_account: Make,
    database: str,
    db: Connection[TupleRow],
    covered: Callable[[], list[Any]],
) -> None:
    serving, kind, words = CASES[case]
    with serving(world) as url:
        outcome = sync(make_account(url), database)
    log = db.execute(
        "SELECT dataset, status, error_kind, error, rows_written FROM alphapulse.sync_log"
    ).fetchall()
    assert {row[0] for row in log} == set(outcome)
    for dataset, status, found, error, written in log:
        assert (status, found, written) == ("failed", kind, 0), (dataset, error)
        assert "\n" not in error
        assert [word for word in words if word not in error] == [], error
    for table in ("snapshots", *SNAPSHOTS, *HISTORIES):
        assert db.execute(f"SELECT count(*) FROM alphapulse.{table}".encode()).fetchone() == (0,)
    assert covered() == []


@pytest.mark.parametrize("ahead", [3_600_000, -3_600_000])
def test_a_wrong_clock_is_corrected_and_reported(
    world: World,
    make_account: Make,
    database: str,
    caplog: pytest.LogCaptureFixture,
    ahead: int,
) -> None:
    began = time.monotonic()

    def clock() -> int:  # it runs, as the corrected one does
        return NOW_MS + int(1000 * (time.monotonic() - began))

    with serve(world, clock=clock, limits=False, faults=[f"clock={ahead}"]) as simulator:
        assert set(sync(make_account(simulator.url), database).values()) == {""}
    (warning,) = [r.getMessage() for r in caplog.records if "clock is" in r.getMessage()]
    assert warning.endswith("synchronize this machine's clock (NTP)")


@pytest.mark.parametrize("fault", ["status=418", "retcode=10003"])
def test_a_refused_account_sends_one_request(
    simulator: Simulator, make_account: Make, database: str, fault: str
) -> None:
    """Further requests would prolong a ban and do not fix a key."""
    simulator.set_faults(fault)
    assert "" not in sync(make_account(simulator.url), database).values()
    assert len(simulator.requests) == 1


def test_a_failure_after_a_good_sync_moves_nothing(
    simulator: Simulator,
    make_account: Make,
    database: str,
    db: Connection[TupleRow],
    covered: Callable[[], list[Any]],
) -> None:
    account = make_account(simulator.url)
    assert set(sync(account, database).values()) == {""}
    before = covered()
    count = "SELECT (SELECT count(*) FROM alphapulse.trades), (SELECT count(*) FROM"
    count += " alphapulse.balances_latest), (SELECT count(*) FROM alphapulse.snapshots)"
    rows = db.execute(count.encode()).fetchone()
    assert before
    simulator.set_faults("status=503")
    assert "" not in sync(account, database).values()
    assert covered() == before
    assert db.execute(count.encode()).fetchone() == rows


@pytest.mark.parametrize(
    ("fault", "failed"),
    [
        ("html:/v5/account/wallet-balance", {"balances", "prices"}),
        ("status=503:/v5/execution/list", {"trades", "funding"}),
        ("retcode=10016:/v5/order/history", {"orders"}),
    ],
)
def test_one_dataset_fails_alone(
    simulator: Simulator, make_account: Make, database: str, fault: str, failed: set[str]
) -> None:
    simulator.set_faults(fault)
    outcome = sync(make_account(simulator.url), database)
    assert {dataset for dataset, error in outcome.items() if error} == failed


def test_markets_that_could_not_be_loaded_are_loaded_by_the_next_dataset(
    simulator: Simulator, make_account: Make, database: str
) -> None:
    simulator.set_faults("status=503:/v5/market/instruments-info*1")
    outcome = sync(make_account(simulator.url), database)
    assert "503" in outcome.pop("balances")
    assert "never read" in outcome.pop("prices")
    assert set(outcome.values()) == {""}


def test_only_times_beyond_the_retention_are_unreachable(
    world: World, make_account: Make, database: str, db: Connection[TupleRow]
) -> None:
    with serve(world, clock=lambda: NOW_MS, limits=False) as simulator:
        account = make_account(
            simulator.url, history_start=GENESIS.date().replace(year=2024, month=1)
        )
        with open_session(account, database, "test") as session:
            window = TimeRange(whole_history(session).start, GENESIS.replace(year=2024, month=12))
            write(session.connection, history(session, "trades", window, fill=True), "test")
            edge = session.client.now()
    rows = db.execute(
        "SELECT lower(unreachable), upper(unreachable), lower(covered), upper(covered)"
        " FROM alphapulse.coverage WHERE dataset = 'trades' AND stream IN"
        " ('spot', 'linear', 'inverse', 'option')"
    ).fetchall()
    assert len(rows) == 4
    for lost_from, lost_to, known_from, known_to in rows:
        assert lost_from.isoformat() == "2024-01-01T00:00:00+00:00"
        assert lost_to == known_from
        assert 729 < (edge - lost_to).total_seconds() / 86_400 < 730
        assert known_to == window.end
