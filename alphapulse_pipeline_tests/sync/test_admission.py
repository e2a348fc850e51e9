"""A key that can do harm is refused before anything is read, with a reason."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.exchange.errors import ExchangeFailure
from alphapulse_pipeline.exchange.feed import to_time
from alphapulse_pipeline.settings.accounts import Account
from alphapulse_pipeline.sync.admission import admit
from alphapulse_pipeline.sync.histories import history
from alphapulse_pipeline.sync.session import open_session, supported
from alphapulse_pipeline.sync.snapshots import snapshot
from alphapulse_pipeline.warehouse.batches import TimeRange
from alphapulse_pipeline.warehouse.writer import write
from alphapulse_pipeline_tests.bybit_datasets import HISTORIES, SNAPSHOTS
from alphapulse_pipeline_tests.conftest import NOW_MS
from exchange_simulator import DEMO_KEY, DEMO_SECRET, EXCHANGES, Key, Simulator, World, serve

Make = Callable[..., Account]
Database = Connection[TupleRow]
DAY = 86_400_000
NOW = to_time(NOW_MS)
A_DAY = TimeRange(NOW - timedelta(days=1), NOW)

pytestmark = pytest.mark.usefixtures("single_attempt")

NO_KEY = "the exchange does not know the API key"
ANY = "the key is unknown, lacks a permission, or may not be used from this address"
SAID: dict[str, tuple[Key, dict[str, str]]] = {
    "withdraws": (
        Key(may_withdraw=True),
        dict.fromkeys(EXCHANGES, "the key in MAIN_API_KEY may withdraw"),
    ),
    "trades": (
        Key(may_trade=True),
        dict.fromkeys(EXCHANGES, "the key in MAIN_API_KEY may trade"),
    ),
    # Kraken and OKX know no expired key any more, Binance's keys do not expire
    "expired": (
        Key(expires_at=NOW_MS - 1),
        {"bybit": "the API key has expired", "okx": NO_KEY, "kraken": NO_KEY, "binance": ANY},
    ),
    "from another address": (
        Key(ips=("10.1.2.3",)),
        {
            "bybit": "this machine's address",
            "okx": "add 127.0.0.1 to the IP allowlist",
            "binance": ANY,
        },
    ),
    "may not read": (
        Key(scopes=frozenset()),
        {"binance": ANY, "kraken": "the key in MAIN_API_KEY may not read"},
    ),
}
REFUSED = [(exchange, case) for case in SAID for exchange in SAID[case][1]]


@contextmanager
def serving(world: World, exchange: str, *keys: Key, faults: tuple[str, ...] = ()) -> Iterator[str]:
    venue = world.on(exchange)
    with serve(
        venue, clock=lambda: NOW_MS, keys=keys or [Key()], limits=False, faults=faults
    ) as simulator:
        yield simulator.url


def attempts(account: Account, url: str) -> tuple[dict[str, str], list[int]]:
    """The failure of each dataset ('': none), and the number of requests of each."""
    said, took = {}, []
    with open_session(account, url, "test") as session:
        for dataset in supported(account):
            before = session.client.requests
            try:
                batches = (
                    snapshot(session, dataset)
                    if dataset in SNAPSHOTS
                    else history(session, dataset, A_DAY, fill=True)
                )
                write(session.connection, batches, "test")
                said[dataset] = ""
            except ExchangeFailure as failure:
                said[dataset] = str(failure)
            took.append(session.client.requests - before)
    return said, took


def written(db: Database) -> dict[str, int]:
    """The number of rows in each table that a sync writes, if any."""
    tables = ("markets", "market_catalogues", "streams", "coverage", "snapshots", *HISTORIES)
    rows = {
        t: db.execute(f"SELECT count(*) FROM alphapulse.{t}".encode()).fetchone() for t in tables
    }
    return {table: row[0] for table, row in rows.items() if row and row[0]}


def key_row(db: Database) -> Any:
    return db.execute(
        "SELECT can_read, can_trade, can_withdraw, expires_at, addresses FROM alphapulse.keys"
    ).fetchall()


def checked_days_ago(db: Database, days: int) -> None:
    query = "UPDATE alphapulse.keys SET checked_at = checked_at - make_interval(days => %s)"
    db.execute(query.encode(), [days])


@pytest.mark.parametrize(("exchange", "case"), REFUSED)
def test_a_refused_key_writes_nothing_and_says_why(
    exchange: str, case: str, world: World, make_account: Make, database: str, db: Database
) -> None:
    key, sentences = SAID[case]
    with serving(world, exchange, key) as url:
        account = make_account(url, "main", exchange=exchange)
        said, took = attempts(account, database)
    for dataset, sentence in said.items():
        assert sentences[exchange] in sentence, dataset
        assert "MAIN_API_KEY" in sentence
    assert sum(took[1:]) == 0, "a refusal is requested once per run"
    log = db.execute(
        "SELECT dataset, status, error_kind, error FROM alphapulse.sync_log"
    ).fetchall()
    assert {row[0]: row[1:] for row in log} == {
        dataset: ("failed", "credentials", sentence) for dataset, sentence in said.items()
    }
    shown = db.execute(
        "SELECT dataset, status, error FROM alphapulse.sync_status WHERE status <> 'unsupported'"
    ).fetchall()
    assert {name: (status, error) for name, status, error in shown} == {
        dataset: ("failed", sentence) for dataset, sentence in said.items()
    }
    assert written(db) == {}


@pytest.mark.parametrize("exchange", EXCHANGES)
def test_a_read_only_key_is_admitted_and_checked_once_a_day(
    exchange: str, world: World, make_account: Make, database: str, db: Database
) -> None:
    with serving(world, exchange) as url:
        account = make_account(url, "main", exchange=exchange, datasets=["balances"])
        costs = [attempts(account, database)]  # it loads the markets too
        costs.append(attempts(account, database))
        checked_days_ago(db, 1)
        costs.append(attempts(account, database))
        costs.append(attempts(account, database))
    assert [said for said, _ in costs] == [{"balances": ""}] * 4
    first, known, asked, known_again = (took[0] for _, took in costs)
    # the key's permissions and, on some exchanges, what the account has, and its sub-accounts
    more = asked - known
    assert more == {"bybit": 4, "binance": 4, "okx": 2, "kraken": 1}[exchange]
    assert first > known == known_again
    requests = db.execute("SELECT requests FROM alphapulse.sync_log ORDER BY id").fetchall()
    assert requests[2][0] == requests[1][0] + more
    assert key_row(db) == [(True, False, False, None, [])]


@pytest.mark.parametrize("exchange", EXCHANGES)
def test_a_trading_key_is_admitted_only_if_allowed(
    exchange: str, world: World, make_account: Make, database: str, db: Database
) -> None:
    with serving(world, exchange, Key(may_trade=True, ips=("127.0.0.1",))) as url:
        more: dict[str, Any] = {"exchange": exchange, "datasets": ["balances"]}
        account = make_account(url, "main", **more, allow_trading_keys=True)
        assert attempts(account, database)[0] == {"balances": ""}
        addresses = None if exchange == "binance" else ["127.0.0.1"]
        assert key_row(db) == [(True, True, False, None, addresses)]
        # the stored permissions are enough to refuse it
        (said,) = attempts(make_account(url, "main", **more), database)[0].values()
    assert "may trade" in said
    assert "set allow_trading_keys: true in the defs.yaml of main" in said


def test_with_a_refused_key_nothing_else_is_requested(
    world: World, make_account: Make, database: str
) -> None:
    keys = [Key(may_withdraw=True)]
    with serve(world.on("binance"), clock=lambda: NOW_MS, keys=keys, limits=False) as simulator:
        said, _ = attempts(make_account(simulator.url, "main", exchange="binance"), database)
        asked = {seen.path for seen in simulator.requests}
    assert all("may withdraw" in sentence for sentence in said.values())
    assert asked == {"/api/v3/time", ASKED["binance"]}


def test_a_withdrawing_key_is_never_admitted(
    world: World, make_account: Make, database: str, db: Database
) -> None:
    with serving(world, "okx", Key(may_trade=True, may_withdraw=True)) as url:
        account = make_account(url, "main", exchange="okx", allow_trading_keys=True)
        said = attempts(account, database)[0]
    assert all("may withdraw" in sentence for sentence in said.values())
    assert key_row(db) == [(True, True, True, None, [])]
    assert written(db) == {}


@pytest.mark.parametrize(
    ("exchange", "scopes", "lacks"),
    [
        (
            "bybit",
            {"account", "orders", "positions"},
            {"balances", "prices", "transfers", "ledger"},
        ),
        ("okx", {"account", "wallet", "positions"}, {"orders", "trades"}),
        (
            "kraken",
            {"account"},
            {"positions", "prices", "orders", "trades", "ledger", "transfers", "conversions"},
        ),
        # it may not even request its own permissions
        ("okx", {"orders", "wallet"}, {"balances", "positions", "prices", "ledger", "funding"}),
    ],
)
def test_a_narrow_key_fails_where_it_lacks_a_right_and_nowhere_else(
    exchange: str,
    scopes: set[Any],
    lacks: set[str],
    world: World,
    make_account: Make,
    database: str,
) -> None:
    with serving(world, exchange, Key(scopes=frozenset(scopes))) as url:
        account = make_account(url, "main", exchange=exchange, allow_unknown_rights=True)
        said, _ = attempts(account, database)
    failed = {dataset for dataset, sentence in said.items() if sentence}
    assert failed == lacks
    for dataset in failed - {"prices"}:  # which need the holdings
        assert "lacks a permission" in said[dataset]


def test_kraken_does_not_distinguish_an_address_from_a_permission(
    world: World, make_account: Make, database: str, db: Database
) -> None:
    with serving(world, "kraken", Key(ips=("10.1.2.3",))) as url:
        account = make_account(url, "main", exchange="kraken")
        said, _ = attempts(account, database)
    for sentence in said.values():
        assert "does not report what the key in MAIN_API_KEY may do: the key lacks a" in sentence
        assert "lacks a permission, or may not be used from this address" in sentence
        assert "this machine's address" in sentence
    assert key_row(db) == [(None, None, None, None, None)]
    assert written(db) == {}


def test_a_changed_key_is_checked_at_once(
    world: World,
    make_account: Make,
    database: str,
    db: Database,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    thief = Key("thief-key-0815", "thief-secret-4711", may_withdraw=True)
    with serving(world, "bybit", Key(), thief) as url:
        account = make_account(url, "main", datasets=["balances"])
        assert attempts(account, database)[0] == {"balances": ""}
        before = db.execute("SELECT fingerprint FROM alphapulse.keys").fetchone()
        monkeypatch.setenv("MAIN_API_KEY", thief.key)
        monkeypatch.setenv("MAIN_API_SECRET", thief.secret)
        assert "may withdraw" in attempts(account, database)[0]["balances"]
    assert before != db.execute("SELECT fingerprint FROM alphapulse.keys").fetchone()
    assert key_row(db)[0][2] is True
    (row,) = db.execute("SELECT keys::text FROM alphapulse.keys").fetchall()
    for secret in (thief.key, thief.secret, DEMO_KEY, DEMO_SECRET, "thief", "0815"):
        assert secret not in row[0]


def test_a_corrected_key_works_at_once(
    world: World, make_account: Make, database: str, db: Database
) -> None:
    key = Key(may_withdraw=True)
    with serving(world, "bybit", key) as url:
        account = make_account(url, "main", datasets=["balances"])
        assert "may withdraw" in attempts(account, database)[0]["balances"]
    with serving(world, "bybit", replace(key, may_withdraw=False)) as url:
        account = make_account(url, "main", datasets=["balances"])
        assert attempts(account, database)[0] == {"balances": ""}
    assert key_row(db) == [(True, False, False, None, [])]


def test_a_key_of_unknown_permissions_is_checked_by_every_run(
    world: World, make_account: Make, database: str, db: Database
) -> None:
    scopes: Any = frozenset({"orders", "wallet"})
    more: dict[str, Any] = {"exchange": "okx", "datasets": ["trades"]}
    with serving(world, "okx", Key(scopes=scopes)) as url:
        (refused,) = attempts(make_account(url, "main", **more), database)[0].values()
        assert "does not report what the key in MAIN_API_KEY may do" in refused
        assert "set allow_unknown_rights: true in the defs.yaml of main" in refused
        account = make_account(url, "main", **more, allow_unknown_rights=True)
        assert attempts(account, database)[0] == {"trades": ""}
        assert key_row(db) == [(None, None, None, None, None)]
    with serving(world, "okx", Key(may_withdraw=True)) as url:
        account = make_account(url, "main", **more, allow_unknown_rights=True)
        assert "may withdraw" in attempts(account, database)[0]["trades"]


@pytest.mark.parametrize(
    ("exchange", "field"),
    [
        ("bybit", "readOnly"),
        ("binance", "enableWithdrawals"),
        ("okx", "perm"),
        ("kraken", "permissions"),
    ],
)
def test_a_malformed_answer_is_refused_even_after_a_good_one(
    exchange: str, field: str, world: World, make_account: Make, database: str, db: Database
) -> None:
    more: dict[str, Any] = {"exchange": exchange, "datasets": ["balances", "trades"]}
    with serve(world.on(exchange), clock=lambda: NOW_MS, keys=[Key()], limits=False) as simulator:
        account = make_account(simulator.url, "main", **more)
        for fault in (f"missing={field}", f"nulled={field}"):
            simulator.set_faults(f"{fault}:{ASKED[exchange]}")
            said, took = attempts(account, database)
            for sentence in said.values():
                assert (
                    f"main's key in MAIN_API_KEY cannot be used: `{field}` is missing" in sentence
                )
            assert sum(took[1:]) == 0, "a malformed answer is requested once per run"
            assert written(db) == {}
            assert key_row(db) == []
        simulator.set_faults()
        assert set(attempts(account, database)[0].values()) == {""}
        simulator.set_faults(f"missing={field}:{ASKED[exchange]}")
        checked_days_ago(db, 2)
        said, _ = attempts(account, database)
    assert all(f"`{field}` is missing" in sentence for sentence in said.values())
    kinds = db.execute("SELECT DISTINCT error_kind FROM alphapulse.sync_log").fetchall()
    assert set(kinds) == {("unreadable",), (None,)}


@pytest.mark.parametrize(
    ("suffix", "value"),
    [
        ("API_KEY", "another-key"),
        ("API_SECRET", "another-secret"),
        ("API_PASSWORD", "another-passphrase"),
        ("TESTNET", "demo"),
    ],
)
def test_whatever_changes_about_a_key_its_permissions_are_requested_again(
    suffix: str,
    value: str,
    world: World,
    make_account: Make,
    database: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def asked() -> int:
        return sum(seen.path == ASKED["okx"] for seen in simulator.requests)

    with serve(world.on("okx"), clock=lambda: NOW_MS, keys=[Key()], limits=False) as simulator:
        account = make_account(simulator.url, "main", exchange="okx", datasets=["balances"])
        for _ in range(2):
            assert attempts(account, database)[0] == {"balances": ""}
        assert asked() == 1
        monkeypatch.setenv(f"MAIN_{suffix}", value)
        assert attempts(account, database)[0] != {"balances": ""}
        assert asked() == 2


def test_at_another_server_the_permissions_are_requested_again(
    world: World, make_account: Make, database: str
) -> None:
    with serving(world, "bybit") as url:
        account = make_account(url, "main", datasets=["balances"])
        assert attempts(account, database)[0] == {"balances": ""}
    with serving(world, "bybit", Key(may_withdraw=True)) as url:
        account = make_account(url, "main", datasets=["balances"])
        assert "may withdraw" in attempts(account, database)[0]["balances"]


ASKED = {
    "bybit": "/v5/user/query-api",
    "binance": "/sapi/v1/account/apiRestrictions",
    "okx": "/api/v5/account/config",
    "kraken": "/0/private/GetApiKeyInfo",
}


@pytest.mark.parametrize("exchange", EXCHANGES)
def test_nothing_is_read_before_the_permissions_are_known(
    exchange: str, world: World, make_account: Make, database: str, db: Database
) -> None:
    with serving(world, exchange, faults=(f"status=503:{ASKED[exchange]}",)) as url:
        account = make_account(url, "main", exchange=exchange, datasets=["balances"])
        assert "503" in attempts(account, database)[0]["balances"]
    kinds = db.execute("SELECT error_kind FROM alphapulse.sync_log").fetchall()
    assert kinds == [("transient",)]
    assert written(db) == {}
    assert key_row(db) == []


def test_an_answer_of_this_week_is_used_if_the_exchange_fails(
    simulator: Simulator, make_account: Make, database: str, db: Database
) -> None:
    account = make_account(simulator.url, datasets=["balances"])
    assert attempts(account, database)[0] == {"balances": ""}
    simulator.set_faults(f"status=503:{ASKED['bybit']}")
    checked_days_ago(db, 2)
    assert attempts(account, database)[0] == {"balances": ""}
    checked_days_ago(db, 6)
    assert "503" in attempts(account, database)[0]["balances"]


def test_a_failed_check_is_repeated_in_the_same_run(
    simulator: Simulator, make_account: Make, database: str
) -> None:
    simulator.set_faults(f"status=503:{ASKED['bybit']}*1")
    account = make_account(simulator.url, datasets=["balances", "positions"])
    said, _ = attempts(account, database)
    assert "503" in said["balances"]
    assert said["positions"] == ""


@pytest.mark.parametrize(("days", "warned"), [(13, True), (15, False)])
def test_a_key_that_expires_soon_logs_a_warning(
    days: int,
    warned: bool,
    world: World,
    make_account: Make,
    database: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with (
        caplog.at_level(logging.WARNING),
        serving(world, "kraken", Key(expires_at=NOW_MS + days * DAY)) as url,
        open_session(make_account(url, "main", exchange="kraken"), database, "test") as session,
    ):
        admit(session)
    assert ("main: the key in MAIN_API_KEY expires at 2026-10-28" in caplog.text) is warned


def test_a_key_that_expired_since_its_check_is_refused(
    simulator: Simulator, make_account: Make, database: str, db: Database
) -> None:
    account = make_account(simulator.url, datasets=["balances"])
    assert attempts(account, database)[0] == {"balances": ""}
    db.execute("UPDATE alphapulse.keys SET expires_at = '2026-10-15T12:00:00Z'")
    simulator.set_faults(f"status=503:{ASKED['bybit']}")
    assert "503" in attempts(account, database)[0]["balances"], "an expired key is checked again"
