"""The sub-accounts of a master account: all are listed, and none is forgotten or mixed up."""

from collections.abc import Callable, Iterator

import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.components.checks import checks_of, offenders
from alphapulse_pipeline.components.sub_account_check import SUB_ACCOUNTS
from alphapulse_pipeline.exchange.errors import ExchangeFailure
from alphapulse_pipeline.settings.accounts import Account
from alphapulse_pipeline.sync.admission import admit
from alphapulse_pipeline.sync.session import open_session
from alphapulse_pipeline.warehouse.sub_accounts import Listed, listed
from alphapulse_pipeline_tests.conftest import NOW_MS
from exchange_simulator import Key, Simulator, SubAccount, World, serve

Make = Callable[..., Account]
DB = Connection[TupleRow]
LISTING = ("bybit", "binance", "okx")
[CHECK] = [check for check in checks_of(["balances"]) if check.name == SUB_ACCOUNTS]


@pytest.fixture(scope="module")
def served(world: World) -> Iterator[Simulator]:
    """Of its own: another test's simulator has no sub-accounts."""
    with serve(world, clock=lambda: NOW_MS, limits=False) as simulator:
        yield simulator


@pytest.fixture
def master(served: Simulator) -> Iterator[Simulator]:
    yield served
    served.set_faults()
    served.set_sub_accounts()


def many(count: int, per_moment: int = 1) -> list[SubAccount]:
    """Sub-accounts, several of which were created in the same millisecond."""
    created = [NOW_MS - 10**9 + n // per_moment for n in range(count)]
    return [SubAccount(7000 + n, f"desk{n:03}", created[n], n % 3 == 0) for n in range(count)]


def ask(account: Account, url: str) -> None:
    """As the day's first run of the account does."""
    with open_session(account, url, "test") as session:
        session.connection.execute("DELETE FROM alphapulse.keys")
        admit(session)


@pytest.mark.parametrize("exchange", LISTING)
@pytest.mark.parametrize("count", [0, 1, 100, 201, 450])
def test_all_sub_accounts_are_listed(
    exchange: str, count: int, master: Simulator, make_account: Make, database: str, db: DB
) -> None:
    subs = many(count, per_moment=7)
    master.set_sub_accounts(*subs)
    account = make_account(master.url, exchange=exchange)
    ask(account, database)
    expected = [Listed(str(sub.uid), sub.name, sub.frozen, None) for sub in subs]
    assert listed(db, account.name) == expected


@pytest.mark.parametrize("exchange", LISTING)
def test_one_that_is_not_deployed_is_warned_of_and_one_that_is_gone_is_not(
    exchange: str, master: Simulator, make_account: Make, database: str, db: DB
) -> None:
    first, second, new = many(3)
    account = make_account(master.url, exchange=exchange)
    parts = {"exchange": exchange, "parent": account.name}
    desk = make_account(master.url, "desk", **parts, sub_account=str(first.uid))
    with open_session(desk, database, "test"):
        pass
    account = make_account(master.url, exchange=exchange)
    master.set_sub_accounts(first, second)
    ask(account, database)
    assert [row[1] for row in offenders(db, account, CHECK, "")[1]] == [second.name]
    assert CHECK.only_warns
    master.set_sub_accounts(first, new)
    ask(account, database)
    assert [row[1] for row in offenders(db, account, CHECK, "")[1]] == [new.name]
    assert [sub.deployed_as for sub in listed(db, account.name)] == ["desk", None]


@pytest.mark.parametrize(
    ("exchange", "fault"),
    [
        ("bybit", "retcode=10005:/v5/user/submembers"),
        ("bybit", "renamed=nextCursor:/v5/user/submembers"),
        ("binance", "retcode=-2015:/sapi/v1/sub-account"),
        ("okx", "missing=uid:/api/v5/users/subaccount"),
    ],
)
def test_a_list_that_is_refused_or_unreadable_stops_nothing_and_loses_nothing(
    exchange: str, fault: str, master: Simulator, make_account: Make, database: str, db: DB
) -> None:
    master.set_sub_accounts(*many(3))
    account = make_account(master.url, exchange=exchange)
    ask(account, database)
    master.set_faults(fault)
    ask(account, database)
    assert len(listed(db, account.name)) == 3
    [(why,)] = db.execute("SELECT unlisted FROM alphapulse.accounts").fetchall()
    assert why
    master.set_faults()
    ask(account, database)
    assert db.execute("SELECT unlisted FROM alphapulse.accounts").fetchall() == [(None,)]


@pytest.mark.parametrize("exchange", LISTING)
def test_a_page_that_is_repeated_is_no_complete_list(
    exchange: str, master: Simulator, make_account: Make, database: str, db: DB
) -> None:
    """As if the exchange had not understood where to go on."""
    path = {"bybit": "/v5/user/sub", "binance": "/sapi/v1/sub-account", "okx": "/api/v5/users"}
    master.set_sub_accounts(*many(250))
    account = make_account(master.url, exchange=exchange)
    master.set_faults(f"previous:{path[exchange]}")
    ask(account, database)
    assert listed(db, account.name) == []
    [(why,)] = db.execute("SELECT unlisted FROM alphapulse.accounts").fetchall()
    assert "has no new ones" in why


@pytest.mark.parametrize("exchange", ["bybit", "okx"])
def test_the_key_of_another_account_is_refused(
    exchange: str, world: World, make_account: Make, database: str, db: DB
) -> None:
    with serve(world, clock=lambda: NOW_MS, limits=False, keys=[Key(uid=7001)]) as simulator:
        parts = {"exchange": exchange, "parent": "fund"}
        wrong = make_account(simulator.url, "desk", **parts, sub_account="7002")
        with pytest.raises(ExchangeFailure, match=r"DESK_API_KEY belongs to .* account 7001, "):
            ask(wrong, database)
        assert db.execute("SELECT FROM alphapulse.keys").fetchall() == []
        ask(make_account(simulator.url, "desk", **parts, sub_account="7001"), database)
        assert db.execute("SELECT FROM alphapulse.keys").fetchall()


def test_a_sub_account_is_not_asked_for_its_own(
    master: Simulator, make_account: Make, database: str, db: DB
) -> None:
    before = len(master.requests)
    ask(make_account(master.url, "desk", parent="fund"), database)
    paths = [request.path for request in list(master.requests)[before:]]
    assert paths
    assert "/v5/user/submembers" not in paths
