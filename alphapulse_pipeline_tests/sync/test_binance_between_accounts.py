"""Which of Binance's lists of transfers between accounts an account has is a state, not a failure;
a list that it has and may not read is named."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.exchange.errors import ExchangeFailure
from alphapulse_pipeline.exchange.venues.binance.between_accounts import OF_MASTER, OF_SUB_ACCOUNT
from alphapulse_pipeline.settings.accounts import Account
from alphapulse_pipeline_tests.conftest import NOW_MS
from alphapulse_pipeline_tests.sync.test_binance import HOUR, at, gaps
from alphapulse_pipeline_tests.sync.truth import sync_all
from exchange_simulator import Key, SubAccount, World, serve
from exchange_simulator.binance.sub_accounts import email
from exchange_simulator.keys import ALL_SCOPES
from exchange_simulator.layout import BINANCE_ACCOUNTS
from exchange_simulator.owner import Owner

Make = Callable[..., Account]
DB = Connection[TupleRow]
NOW = datetime.fromtimestamp(NOW_MS / 1000, UTC)
DESK = SubAccount(7001, email(7001), 0)
NO_RIGHT = ALL_SCOPES - {"accounts"}


@pytest.mark.parametrize(
    ("key", "subs", "absent", "closed"),
    [
        (Key(), (), OF_SUB_ACCOUNT, ()),
        (Key(), (DESK,), OF_SUB_ACCOUNT, ()),
        (Key(sub_account=True), (), OF_MASTER, ()),
        (Key(scopes=NO_RIGHT), (DESK,), OF_SUB_ACCOUNT, OF_MASTER),
        (Key(sub_account=True, scopes=NO_RIGHT), (), (*OF_MASTER, *OF_SUB_ACCOUNT), ()),
    ],
    ids=["no sub-accounts", "master", "sub-account", "master without right", "without right"],
)
def test_a_list_that_the_account_does_not_have_stops_nothing(
    key: Key,
    subs: tuple[SubAccount, ...],
    absent: tuple[str, ...],
    closed: tuple[str, ...],
    make_account: Make,
    database: str,
    db: DB,
) -> None:
    world = World(genesis=NOW - timedelta(2), layout=BINANCE_ACCOUNTS["spot only"], pace=0.2)
    with serve(world, clock=lambda: NOW_MS, limits=False, keys=[key]) as simulator:
        simulator.set_sub_accounts(*subs)
        for _ in range(2):
            sync_all(at(simulator, make_account, 0), database)
    statuses = db.execute("SELECT DISTINCT status FROM alphapulse.sync_status").fetchall()
    assert statuses == [("completed",)]
    found = db.execute(
        "SELECT part, state, reason FROM alphapulse.skipped WHERE dataset = 'transfers'"
    ).fetchall()
    assert {part for part, state, _ in found if state == "not_enabled"} == set(absent)
    assert {part for part, state, _ in found if state == "closed"} == set(closed)
    assert all("-2015" in reason for _, _, reason in found)
    assert gaps(db) == []
    lost = db.execute(
        "SELECT DISTINCT stream FROM alphapulse.coverage_unreachable WHERE dataset = 'transfers'"
    ).fetchall()
    assert {stream for (stream,) in lost} == set(closed)


def test_a_list_that_had_rows_is_no_state_when_it_is_refused(
    make_account: Make, database: str, db: DB
) -> None:
    """The run fails, names it, and leaves a gap."""
    layout = BINANCE_ACCOUNTS["empty"]
    owner = Owner({uid: World(genesis=NOW - timedelta(2), layout=layout) for uid in (7000, 7001)})
    world = owner.accounts[owner.master]
    start = NOW_MS - 30 * HOUR
    world.advance_to(start)
    world.account.transfer(start + 1, "deposit", "USDT", Decimal(100), to_wallet="spot")
    owner.transfer(start + HOUR, "USDT", Decimal(40), 7000, 7001, "spot")
    with serve(world, clock=lambda: NOW_MS, limits=False, keys=[Key(uid=7000)]) as simulator:
        simulator.set_sub_accounts(DESK)
        sync_all(at(simulator, make_account, 10), database)
        sent = (
            "SELECT amount, from_wallet, to_wallet FROM alphapulse.transfers WHERE to_wallet = ''"
        )
        assert db.execute(sent).fetchall() == [(40, "spot", "")]
        simulator.set_faults("retcode=-2015:/sapi/v1/sub-account/universalTransfer")
        with pytest.raises(ExchangeFailure, match="-2015"):
            sync_all(at(simulator, make_account, 0), database)
    assert gaps(db) == [("transfers", OF_MASTER[0])]
