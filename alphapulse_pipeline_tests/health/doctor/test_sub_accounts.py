"""The doctor on sub-accounts: those of a master account, and the key of one of them."""

from pathlib import Path

import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.health.doctor.result import Status
from alphapulse_pipeline.settings.account_file import write_account
from alphapulse_pipeline.settings.project import PROJECT
from alphapulse_pipeline_tests.health.doctor.conftest import At, examined, serving
from exchange_simulator import Key, SubAccount, World, serve

DB = Connection[TupleRow]


def test_sub_accounts_that_are_not_deployed_are_warned_of(
    world: World, at: At, db: DB, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    main = {"exchange": "bybit", "history_start": "2026-09-01"}
    write_account(tmp_path / "defs", "main", main)
    write_account(tmp_path / "defs", "desk", {**main, "parent": "main", "sub_account": "7001"})
    monkeypatch.setenv(PROJECT, str(tmp_path))
    with serving(world) as url:
        found = examined(at(url), db)
    assert (found["sub-accounts"].status, found["sub-accounts"].message) == (
        Status.OK,
        "no sub-accounts",
    )
    with serve(world, limits=False) as simulator:
        simulator.set_sub_accounts(*(SubAccount(7001 + n, f"desk{n}", n) for n in range(8)))
        found = examined(at(simulator.url), db)
    assert found["sub-accounts"].status is Status.WARNING
    assert found["sub-accounts"].message.startswith(
        "7 of 8 sub-accounts are not deployed: desk1 (7002), "
    )
    assert found["sub-accounts"].message.endswith(" and 2 more")
    assert found["sub-accounts"].fix == "run `alphapulse account discover main --write`"


@pytest.mark.parametrize("exchange", ["bybit", "okx"])
def test_the_key_of_another_sub_account_fails(exchange: str, world: World, at: At, db: DB) -> None:
    settings = {"parent": "fund", "sub_account": "7001"}
    with serving(world, key=Key(uid=7002, sub_account=True)) as url:
        wrong = examined(at(url, exchange, **settings), db)["sub-accounts"]
    with serving(world, key=Key(uid=7001, sub_account=True)) as url:
        right = examined(at(url, exchange, **settings), db)["sub-accounts"]
    assert wrong.status is Status.FAILED
    assert (
        "belongs to the exchange's account 7002, and main is its sub-account 7001" in wrong.message
    )
    assert "put a read-only key of the sub-account 7001 into MAIN_API_KEY" in wrong.fix
    assert (right.status, right.message) == (
        Status.OK,
        "sub-account 7001 of fund, as the key says",
    )


def test_sub_accounts_that_the_key_may_not_list_are_unknown(world: World, at: At, db: DB) -> None:
    with serving(world, "retcode=10005:/v5/user/submembers") as url:
        found = examined(at(url), db)["sub-accounts"]
    assert found.status is Status.UNKNOWN
    assert found.message.startswith("not listed: the key lacks a permission")
