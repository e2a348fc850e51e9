"""What an account does not have is skipped: it stops nothing else, and it is no gap."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.exchange import refusals
from alphapulse_pipeline.exchange.feed import Caller
from alphapulse_pipeline.exchange.products import Products
from alphapulse_pipeline.exchange.venues import VENUES
from alphapulse_pipeline.settings.accounts import Account
from alphapulse_pipeline.settings.errors import SettingsError
from alphapulse_pipeline.sync.histories import history, whole_history
from alphapulse_pipeline.sync.session import open_session
from alphapulse_pipeline.sync.snapshots import snapshot
from alphapulse_pipeline.warehouse.writer import write
from alphapulse_pipeline_tests.conftest import NOW_MS
from exchange_simulator import Simulator, World, serve

Make = Callable[..., Account]
NEVER = {"funding": "the funding wallet was never opened"}


def sync(account: Account, url: str, *datasets: str) -> None:
    with open_session(account, url, "test") as session:
        for dataset in datasets:
            if dataset in ("balances", "positions"):
                batches = snapshot(session, dataset)
            else:
                batches = history(session, dataset, whole_history(session), fill=True)
            write(session.connection, batches, "test")


def never_opened(monkeypatch: pytest.MonkeyPatch, wallets: dict[str, str]) -> None:
    async def products(call: Caller) -> Products:
        return Products(wallets)

    monkeypatch.setitem(VENUES, "bybit", replace(VENUES["bybit"], products=products))


def key_is_checked_again(db: Connection[TupleRow]) -> None:
    db.execute("UPDATE alphapulse.keys SET checked_at = checked_at - interval '1 day'")


def gaps(db: Connection[TupleRow], dataset: str) -> set[str]:
    rows = db.execute(
        "SELECT stream FROM alphapulse.coverage_gaps WHERE dataset = %s", [dataset]
    ).fetchall()
    return {row[0] for row in rows}


def lost(db: Connection[TupleRow], dataset: str) -> dict[str, str]:
    """Stream -> why a part of it is unreachable."""
    return dict(
        db.execute(
            "SELECT stream, reason FROM alphapulse.coverage_unreachable WHERE dataset = %s",
            [dataset],
        ).fetchall()
    )


def status(db: Connection[TupleRow], dataset: str) -> Any:
    return db.execute(
        "SELECT status, coverage, not_enabled FROM alphapulse.sync_status WHERE dataset = %s",
        [dataset],
    ).fetchone()


def wallets(db: Connection[TupleRow]) -> set[str]:
    rows = db.execute("SELECT DISTINCT wallet FROM alphapulse.balances_latest").fetchall()
    return {row[0] for row in rows}


def test_a_wallet_that_was_never_opened(
    db: Connection[TupleRow],
    database: str,
    simulator: Simulator,
    make_account: Make,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    account = make_account(simulator.url)
    never_opened(monkeypatch, NEVER)
    sync(account, database, "balances", "positions", "trades", "transfers")
    assert wallets(db) == {"unified"}
    assert status(db, "balances") == ("completed", None, ["funding"])
    assert status(db, "trades")[:2] == ("completed", 1)
    # Earn has a list of its own
    assert status(db, "transfers") == ("completed", 1, ["funding"])

    # it is opened: the exchange is asked once a day
    never_opened(monkeypatch, {})
    sync(account, database, "balances")
    assert wallets(db) == {"unified"}
    key_is_checked_again(db)
    sync(account, database, "balances", "transfers")
    assert wallets(db) == {"unified", "funding"}
    assert status(db, "transfers") == ("completed", 1, None)

    # a wallet that had rows was opened: what was not read is unreachable, and its rows are kept
    streams = ["deposits", "transfers", "withdrawals"]
    db.execute("UPDATE alphapulse.coverage SET covered = '{}' WHERE stream = ANY(%s)", [streams])
    # the clock of that run was ahead of the next one's
    db.execute(
        "UPDATE alphapulse.streams SET wanted = tstzrange(lower(wanted), upper(wanted) + '1 s')"
    )
    never_opened(monkeypatch, NEVER)
    key_is_checked_again(db)
    sync(account, database, "trades", "transfers")
    assert lost(db, "transfers") == dict.fromkeys(
        streams, "the key may not list it: the funding wallet was never opened"
    )
    assert "received from other accounts" in status(db, "transfers")[2]
    assert "withdrawals" not in status(db, "transfers")[2]
    assert gaps(db, "transfers") == {"earn"}  # what was added to its time
    assert db.execute("SELECT FROM alphapulse.transfers LIMIT 1").fetchone() is not None

    # it is open again: the time is a gap, and is read
    never_opened(monkeypatch, {})
    key_is_checked_again(db)
    sync(account, database, "transfers")
    assert lost(db, "transfers") == {}
    # but for the moments by which the clock of one run was ahead of the next one's
    assert status(db, "transfers")[1] > 0.99


def test_an_endpoint_that_says_so_skips_its_stream_until_tomorrow(
    db: Connection[TupleRow],
    database: str,
    world: World,
    make_account: Make,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(refusals._REFUSALS, "retCode 170001", refusals.NEVER_OPENED)
    faults = ["retcode=170001:/v5/asset/withdraw/query-record"]
    with serve(world, clock=lambda: NOW_MS, limits=False, faults=faults) as simulator:
        account = make_account(simulator.url)
        sync(account, database, "transfers")
        assert status(db, "transfers") == ("completed", 1, ["withdrawals"])
        assert not gaps(db, "transfers")

        simulator.set_faults()
        sync(account, database, "transfers")
        assert status(db, "transfers")[2] == ["withdrawals"]
        db.execute("UPDATE alphapulse.skipped SET checked_at = now() - interval '26 hours'")
        sync(account, database, "transfers")
        assert status(db, "transfers")[2] is None
    kinds = db.execute("SELECT count(DISTINCT kind) FROM alphapulse.transfers").fetchone()
    assert kinds == (3,)


def test_another_key_is_asked_again(
    db: Connection[TupleRow],
    database: str,
    simulator: Simulator,
    make_account: Make,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    account = make_account(simulator.url)
    never_opened(monkeypatch, NEVER)
    sync(account, database, "balances")
    never_opened(monkeypatch, {})
    db.execute("UPDATE alphapulse.skipped SET fingerprint = 'another'")
    sync(account, database, "balances")
    assert wallets(db) == {"unified", "funding"}


def test_wallets_in_the_file_restrict_what_is_read(
    db: Connection[TupleRow], database: str, simulator: Simulator, make_account: Make
) -> None:
    account = make_account(simulator.url)
    sync(account, database, "balances", "transfers")
    assert wallets(db) == {"unified", "funding"}
    sync(account, database, "ledger")
    restricted = make_account(simulator.url, wallets=["funding"])
    sync(restricted, database, "balances", "ledger", "transfers")
    assert wallets(db) == {"funding"}
    db.execute("UPDATE alphapulse.streams SET wanted = tstzrange(lower(wanted), now())")
    assert gaps(db, "ledger") == {"funding"}
    # a transfer has two wallets, so its list is read for the other one
    assert gaps(db, "transfers")
    assert status(db, "ledger")[2] is None
    sync(account, database, "ledger")
    db.execute("UPDATE alphapulse.streams SET wanted = tstzrange(lower(wanted), now())")
    assert gaps(db, "ledger")


def test_a_wallet_that_the_exchange_does_not_have(make_account: Make, database: str) -> None:
    account = make_account("http://127.0.0.1:1", wallets=["unified", "margin"])
    with (
        pytest.raises(SettingsError, match="bybit has no wallet 'margin'"),
        open_session(account, database, "test"),
    ):
        pass
