"""The doctor's checks of an account: which one fails, why, and the fix."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.datasets import DATASETS
from alphapulse_pipeline.exchange.client import open_client
from alphapulse_pipeline.exchange.client_config import client_config
from alphapulse_pipeline.exchange.errors import ExchangeFailure, Kind
from alphapulse_pipeline.exchange.markets import ccxt_version
from alphapulse_pipeline.exchange.venues import VENUES
from alphapulse_pipeline.health import circuit
from alphapulse_pipeline.health.doctor.account import checks, examine_account
from alphapulse_pipeline.health.doctor.result import Status
from alphapulse_pipeline.warehouse import stored_markets, sync_log
from alphapulse_pipeline.warehouse.connection import account_lock, connect
from alphapulse_pipeline_tests.exchange.servers import replying
from alphapulse_pipeline_tests.health.doctor.conftest import At, by_status, examined, serving
from alphapulse_pipeline_tests.sync.hollaex import Hollaex
from exchange_simulator import DEMO_KEY, DEMO_SECRET, EXCHANGES, Key, World, serve
from exchange_simulator.keys import ALL_SCOPES

DB = Connection[TupleRow]
NOW_MS = int(datetime.now(UTC).timestamp() * 1000)
DAY_MS = 86_400_000
UNSUPPORTED = {
    "kraken": ["sub-accounts", "funding"],
}
"""What an exchange does not have, or what is not read from it."""


@pytest.mark.parametrize("exchange", EXCHANGES)
def test_nothing_is_wrong_with_an_account_that_works(
    exchange: str, world: World, at: At, db: DB
) -> None:
    with serving(world) as url:
        found = examined(at(url, exchange), db)
    good = [r for r in found.values() if r.status is not Status.OK]
    assert [r.check for r in good] == ["tls", *UNSUPPORTED.get(exchange, [])], good
    assert {r.status for r in good} == {Status.SKIPPED}
    assert list(found) == [check.name for check in checks(at("", exchange))]


def test_every_endpoint_of_a_dataset_is_called_once(world: World, at: At, db: DB) -> None:
    with serve(world, limits=False) as simulator:
        found = examined(at(simulator.url), db)
        asked = [seen.path for seen in simulator.requests]
    streams = VENUES["bybit"].histories
    assert found["trades"].message == f"{', '.join(streams['trades'])}: answered"
    # fills per category and coin of options, funding of the two that have any
    assert asked.count("/v5/execution/list") == 4 + 5 + 2
    assert asked.count("/v5/order/history") == 4 + 5
    # and of one USDC contract
    assert asked.count("/v5/pre-upgrade/order/history") == 4 + 5 + 1


def test_a_sub_account_is_not_asked_for_what_only_main_accounts_list(
    world: World, at: At, db: DB
) -> None:
    key = Key(sub_account=True, scopes=ALL_SCOPES - {"accounts"})
    with serve(world, limits=False, keys=[key]) as simulator:
        found = examined(at(simulator.url), db)
        asked = [seen.path for seen in simulator.requests]
    assert found["transfers"].status is Status.OK
    assert "not enabled: received from other accounts, sent to other accounts, withdrawals" in (
        found["transfers"].message
    )
    assert "/v5/asset/withdraw/query-record" not in asked


def test_it_writes_nothing(world: World, at: At, db: DB) -> None:
    def rows() -> dict[str, Any]:
        tables = db.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'alphapulse'"
        ).fetchall()
        return {
            name: db.execute(f"SELECT count(*) FROM alphapulse.{name}".encode()).fetchone()
            for (name,) in tables
        }

    before = rows()
    with serving(world) as url:
        examined(at(url), db)
    assert rows() == before


REJECTED = "not checked: the key was rejected"
FAR = f"clock={60 * 60 * 1000}"

# what is served -> (the check that fails, words of its message, words of its fix)
FAILURES: dict[str, tuple[dict[str, Any], str, list[str], list[str]]] = {
    "closed by the server": ({"faults": ["refuse"]}, "http", ["disconnected"], ["status page"]),
    "silence": ({"faults": ["hang"]}, "http", ["timed out"], ["check the network"]),
    "HTML": ({"faults": ["html"]}, "http", ["not JSON"], ["MAIN_API_URL"]),
    "503": ({"faults": ["status=503"]}, "http", ["503"], ["status page"]),
    "451": ({"faults": ["status=451"]}, "http", ["451"], ["this address's country"]),
    "throttled": ({"faults": ["throttled"]}, "http", ["too many requests"], ["fewer programs"]),
    "banned": ({"faults": ["banned=120"]}, "http", ["temporarily banned"], ["until the ban"]),
    "maintenance": ({"faults": ["maintenance"]}, "http", ["503"], ["status page"]),
    "wrong clock": ({"faults": [FAR]}, "clock", ["behind", "within 5000 ms"], ["NTP"]),
    "expired": ({"faults": ["key=expired"]}, "signature", ["expired"], ["create a new read-only"]),
    "address": ({"faults": ["key=ip"]}, "signature", ["this address"], ["allow"]),
    "secret": ({"key": Key(secret="x")}, "signature", ["signature is wrong"], ["MAIN_API_SECRET"]),
    "key": ({"key": Key(key="x")}, "signature", ["does not know the API key"], ["MAIN_API_KEY"]),
    "withdraws": ({"key": Key(may_withdraw=True)}, "key", ["may withdraw"], ["create a read-only"]),
    "trades": ({"key": Key(may_trade=True)}, "key", ["may trade"], ["allow_trading_keys: true"]),
    "rights": (
        {"faults": ["missing=readOnly:/v5/user/query-api"]},
        "key",
        ["the permissions of main's key in MAIN_API_KEY cannot be used: `readOnly` is missing"],
        ["update alphapulse-pipeline"],
    ),
    "markets": (
        {"faults": ["html:/v5/market/instruments-info"]}, "markets", ["not JSON"], ["network"],
    ),
    "one list": (
        {"faults": ["status=503:/v5/order/realtime"]},
        "orders",
        ["open spot, ", "503 Service Unavailable", "answered: spot, linear, inverse, option"],
        ["status page"],
    ),
    "lists that list nothing": (
        {"faults": ["missing=list:/v5/order/history"]},
        "orders",
        ["spot, linear, inverse, option, option ETH", "no list of rows"],
        ["report this message"],
    ),
    "margin mode": (
        {"faults": ["status=503:/v5/account/info"]},
        "positions",
        ["margin mode: ", "answered: linear USDT, linear USDC, inverse, option"],
        ["status page"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", FAILURES)
def test_the_check_that_fails_is_named_with_its_fix_and_no_other_one_fails(
    case: str, world: World, at: At, db: DB
) -> None:
    served, check, words, fixes = FAILURES[case]
    with serving(world, *served.get("faults", ()), key=served.get("key")) as url:
        found = examined(at(url), db)
    assert by_status(found, Status.FAILED) == [check], found
    result = found[check]
    assert [word for word in words if word not in result.message] == [], result
    assert [word for word in fixes if word not in result.fix] == [], result
    skipped = [found[check] for check in by_status(found, Status.SKIPPED) if check != "tls"]
    because = {result.message for result in skipped} - {"not supported for bybit"}
    stops = check in ("http", "signature", "key", "markets")
    rejected = check in ("signature", "key") and case != "rights"
    reason = REJECTED if rejected else f"because the {check} check failed"
    assert because == ({reason} if stops else set())
    assert (found["trades"].status is Status.SKIPPED) is stops
    text = json.dumps([(r.message, r.fix) for r in found.values()])
    assert DEMO_KEY not in text
    assert DEMO_SECRET not in text


def test_a_rejected_key_costs_one_signed_request_and_is_explained_once(
    world: World, at: At, db: DB
) -> None:
    with serve(world, keys=[Key(key="x")], limits=False) as simulator:
        account = at(simulator.url)
        problem = examined(account, db)["signature"].message
        assert [seen.path for seen in simulator.requests] == [
            "/v5/market/time",
            "/v5/user/query-api",
        ]
        attempt = sync_log.start(db, "main", "trades", "a run")
        sync_log.fail(db, attempt, 0, 1, Kind.CREDENTIALS, problem)
        circuit.settle(db, "main", "a run")
        found = examined(account, db)
    assert [r.check for r in found.values() if problem in r.message] == ["signature"]
    assert "the key was rejected, see above" in found["circuit"].message


def test_a_wrong_passphrase_is_distinguished_from_a_wrong_key(world: World, at: At, db: DB) -> None:
    with serving(world, key=Key(passphrase="x")) as url:
        found = examined(at(url, "okx"), db)
    assert by_status(found, Status.FAILED) == ["signature"]
    assert 'the passphrase is wrong: "Request header "OK-ACCESS-PASSPHRASE"' in (
        found["signature"].message
    )
    assert "check MAIN_API_PASSWORD" in found["signature"].fix


def test_what_depends_on_a_failed_check_is_skipped_and_says_so(at: At, db: DB) -> None:
    found = examined(at("http://does-not-exist.invalid"), db)
    assert by_status(found, Status.FAILED) == ["dns"]
    assert "does-not-exist.invalid does not resolve" in found["dns"].message
    assert "MAIN_API_URL" in found["dns"].fix
    assert by_status(found, Status.OK) == ["settings", "rejected rows", "circuit"]
    skipped = by_status(found, Status.SKIPPED)
    assert {"tcp", "http", "signature", "rate limit", *DATASETS} <= set(skipped)
    assert {found[check].message for check in skipped} == {"because the dns check failed"}


def test_a_fault_of_two_endpoints_is_reported_for_each_dataset_that_uses_them(
    world: World, at: At, db: DB
) -> None:
    with serving(world, "key=orders") as url:
        found = examined(at(url), db)
    assert by_status(found, Status.FAILED) == ["orders", "trades", "funding"]
    for check in by_status(found, Status.FAILED):
        assert "the key lacks a permission" in found[check].message
        assert found[check].fix.startswith("grant the key in MAIN_API_KEY read permission")


SETTINGS: dict[str, tuple[str, dict[str, str], str, str]] = {
    "no secret": ("bybit", {"SECRET": ""}, "MAIN_API_SECRET not set", "export a read-only key"),
    "nothing": (
        "bybit", {"SECRET": "", "KEY": ""}, "MAIN_API_KEY and MAIN_API_SECRET not set", "export",
    ),
    "no passphrase": ("okx", {"PASSWORD": ""}, "MAIN_API_PASSWORD not set", ".env"),
    "no scheme": ("bybit", {"URL": "localhost:80"}, "API_URL is not a valid URL", "write it as"),
    "no port": ("bybit", {"URL": "http://x:y"}, "API_URL is not a valid URL", "write it as"),
}  # fmt: skip


@pytest.mark.parametrize("case", SETTINGS)
def test_a_variable_that_is_missing_or_wrong_is_named(
    case: str, at: At, db: DB, monkeypatch: pytest.MonkeyPatch
) -> None:
    exchange, variables, message, fix = SETTINGS[case]
    account = at("http://127.0.0.1:1", exchange)
    for name, value in variables.items():
        monkeypatch.setenv(f"MAIN_API_{name}", value)
    found = examined(account, db)
    assert by_status(found, Status.FAILED) == ["settings"]
    assert message in found["settings"].message
    assert fix in found["settings"].fix


@pytest.mark.parametrize(
    ("exchange", "value", "message"),
    [("kraken", "true", "neither a testnet nor demo trading"), ("bybit", "maybe", "is 'maybe'")],
)
def test_a_testnet_that_cannot_be_is_a_matter_of_the_settings(
    exchange: str, value: str, message: str, at: At, db: DB, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = at("", exchange)
    monkeypatch.setenv("MAIN_TESTNET", value)
    found = examined(account, db)
    assert by_status(found, Status.FAILED) == ["settings"]
    assert message in found["settings"].message


def test_a_clock_that_is_wrong_by_seconds_is_warned_of(world: World, at: At, db: DB) -> None:
    with serving(world, "clock=-4500") as url:
        found = examined(at(url), db)
    assert found["clock"].status is Status.WARNING
    assert "ahead of the exchange's" in found["clock"].message


@pytest.mark.parametrize(("days", "status"), [(13, Status.WARNING), (20, Status.OK)])
def test_a_key_that_expires_soon_is_warned_of(
    days: int, status: Status, world: World, at: At, db: DB
) -> None:
    with serving(world, key=Key(expires_at=NOW_MS + days * DAY_MS)) as url:
        found = examined(at(url), db)
    assert found["key"].status is status
    if status is Status.WARNING:
        assert "the key in MAIN_API_KEY expires at" in found["key"].message
        assert "create a new read-only key" in found["key"].fix
    assert by_status(found, Status.FAILED) == []


def test_a_key_that_trades_by_leave_is_good(world: World, at: At, db: DB) -> None:
    with serving(world, key=Key(may_trade=True, ips=("127.0.0.1",))) as url:
        found = examined(at(url, allow_trading_keys=True), db)
    assert found["key"].status is Status.OK
    assert "can trade, which allow_trading_keys permits, usable from fixed" in found["key"].message


def test_what_an_exchange_does_not_report_is_unknown(world: World, at: At, db: DB) -> None:
    with serving(world, "key=account") as url:
        refused = examined(at(url, "okx"), db)
        found = examined(at(url, "okx", allow_unknown_rights=True), db)
    assert by_status(refused, Status.FAILED) == ["key"]
    assert "may do: the key lacks a permission" in refused["key"].message
    assert "grant the key in MAIN_API_KEY read permission" in refused["key"].fix
    assert "set allow_unknown_rights: true in the defs.yaml of main" in refused["key"].fix
    assert by_status(found, Status.UNKNOWN) == ["key", "account type", "sub-accounts"]
    assert "does not report what the key in MAIN_API_KEY may do" in found["key"].message
    assert "which allow_unknown_rights accepts" in found["key"].message


def test_demo_trading_is_no_reason_to_refuse_a_key(
    world: World, at: At, db: DB, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAIN_TESTNET", "demo")
    with serving(world) as url:
        found = examined(at(url, "binance", datasets=["balances"]), db)
    assert found["key"].status is Status.UNKNOWN
    assert found["key"].message.startswith("demo trading does not report what the key in MAIN")


def test_an_exchange_without_a_venue_of_ours_is_checked_through_ccxt(at: At, db: DB) -> None:
    with replying(Hollaex([]).reply) as url:
        datasets = ["balances", "trades", "orders"]
        refused = examined(at(url, "hollaex", datasets=datasets), db)
        found = examined(at(url, "hollaex", datasets=datasets, allow_unknown_rights=True), db)
    assert by_status(refused, Status.FAILED) == ["key"]
    assert "set allow_unknown_rights: true in the defs.yaml of main" in refused["key"].fix
    assert by_status(found, Status.UNKNOWN) == ["clock", "key", "account type"], found
    assert found["clock"].message == "hollaex does not report its time"
    # the server has no page of deposits, and none is asked for
    assert by_status(found, Status.FAILED) == []
    assert found["trades"].message.endswith(": answered")


def test_while_a_run_is_in_progress_no_signed_request_is_sent(
    world: World, at: At, database: str, db: DB
) -> None:
    with (
        serve(world, limits=False) as simulator,
        connect(database) as run,
        account_lock(run, "main"),
    ):
        found = examined(at(simulator.url), db)
        assert simulator.clients() == []
        assert found["lock"].status is Status.SKIPPED
        assert "a run is in progress" in found["lock"].message
        assert found["trades"].message == "because a run is in progress"
        assert by_status(found, Status.FAILED) == []
    assert found["clock"].status is Status.OK


def test_no_run_begins_while_the_doctor_is_there_and_any_may_after(
    world: World, at: At, database: str, db: DB
) -> None:
    with serving(world) as url, connect(database) as other:
        results = examine_account(at(url), db, tables=True)
        while next(results).check != "lock":
            pass
        free = "SELECT pg_try_advisory_lock(hashtextextended('alphapulse account main', 0))"
        assert other.execute(free).fetchone() == (False,)
        list(results)
        assert other.execute(free).fetchone() == (True,)


def test_without_a_database_the_exchange_is_asked_all_the_same(world: World, at: At) -> None:
    with serving(world) as url:
        found = examined(at(url))
    assert by_status(found, Status.UNKNOWN) == ["lock", "rejected rows", "circuit"]
    assert by_status(found, Status.FAILED) == []
    assert found["trades"].status is Status.OK


def test_stored_markets_are_not_loaded_again_and_their_age_is_shown(
    world: World, at: At, db: DB
) -> None:
    with serve(world, limits=False) as simulator:
        account = at(simulator.url)
        with open_client(client_config(account, "test")) as client:
            stored_markets.store_catalogue(db, "main", ccxt_version(), client.load_markets())
        simulator.requests.clear()
        assert "stored less than two hours ago" in examined(account, db)["markets"].message
        db.execute("UPDATE alphapulse.market_catalogues SET loaded_at = now() - interval '5 days'")
        found = examined(account, db)["markets"]
        asked = {seen.path for seen in simulator.requests}
    assert "/v5/market/instruments-info" not in asked
    assert found.status is Status.WARNING
    assert "stored 5 days ago" in found.message
    assert "alphapulse sync main" in found.fix


def test_the_circuit_is_reported(world: World, at: At, db: DB) -> None:
    refused = ExchangeFailure(Kind.CREDENTIALS, "the key is revoked", "make a new one")
    attempt = sync_log.start(db, "main", "trades", "a run")
    sync_log.fail(db, attempt, 0, 1, Kind.TRANSIENT, "the exchange is down")
    circuit.settle(db, "main", "a run")
    account = at("http://127.0.0.1:1")
    assert examined(account, db)["circuit"].status is Status.WARNING
    circuit.settle(db, "main", "a run", refused)
    found = examined(account, db)["circuit"]
    assert found.status is Status.FAILED
    assert "the key is revoked" in found.message
    until = circuit.read(db, "main").retry_at
    assert until is not None
    assert f"until {until:%Y-%m-%d %H:%M} UTC" in found.message
    assert "alphapulse circuit reset main" in found.fix
    db.execute("UPDATE alphapulse.circuit SET retry_at = now() - interval '1 minute'")
    assert examined(account, db)["circuit"].status is Status.WARNING
