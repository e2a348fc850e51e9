"""No secret is anywhere: not in a table, an event, a log or what a process prints.

Keys, secrets, passphrases and signatures of four exchanges go through every way in which something
can fail, with every logger at DEBUG, and are looked for in all that was written.
"""

import base64
import logging
from collections.abc import Callable, Iterable, Iterator
from urllib.parse import quote

import dagster as dg
import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.datasets import SNAPSHOTS
from alphapulse_pipeline.exchange import ccxt_client
from alphapulse_pipeline.settings.accounts import Account
from alphapulse_pipeline_tests.components.conftest import HISTORY_START
from alphapulse_pipeline_tests.components.test_runs import DAYS, dump
from alphapulse_pipeline_tests.conftest import NOW_MS
from alphapulse_pipeline_tests.echo import TROUBLES, gateway
from exchange_simulator import Key, World, serve

Make = Callable[..., Account]
RunJob = Callable[..., dg.ExecuteInProcessResult]

KEY = "recognisable-key-4711"
# what is signed with is this in base64 at Kraken; its text has all that base64 has, + and / too
PLAIN = b"recognisable>>>secret???0815-or-more"
SECRET = base64.b64encode(PLAIN).decode()
PASSPHRASE = 'recognisable "pass/phrase"'
assert "+" in SECRET or "/" in SECRET


@pytest.fixture
def loud() -> Iterator[None]:
    """Every logger at DEBUG, including those with a level of their own."""
    loggers = [logging.getLogger(), *map(logging.getLogger, logging.root.manager.loggerDict)]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.DEBUG)
    yield
    for logger, level in zip(loggers, levels, strict=True):
        logger.setLevel(level)


def needles(signatures: Iterable[str]) -> Iterator[str]:
    """The secrets and the signatures, in every form that could be read back."""
    for secret in (KEY, SECRET, PLAIN.decode(), PASSPHRASE, *signatures):
        yield secret
        yield quote(secret, safe="")
        yield base64.b64encode(secret.encode()).decode().rstrip("=")[:-1]
        yield secret.replace('"', '\\"').replace("/", "\\/")


def assert_without(place: str, signatures: Iterable[str]) -> None:
    for needle in needles(signatures):
        found = place.find(needle)
        assert found < 0, place[max(found - 300, 0) : found + 100]


@pytest.mark.parametrize(
    "exchange",
    [
        "okx",
        pytest.param("kraken", marks=pytest.mark.nightly),
        pytest.param("bybit", marks=pytest.mark.nightly),
        pytest.param("binance", marks=pytest.mark.nightly),
    ],
)
def test_no_secret_is_stored_or_logged(
    exchange: str,
    world: World,
    make_account: Make,
    run_job: RunJob,
    db: Connection[TupleRow],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    loud: None,
) -> None:
    """Good runs; answers that repeat the signed request; a wrong secret and a wrong key; retries;
    and bugs whose errors show what was sent."""
    monkeypatch.setattr(ccxt_client, "_MAX_ATTEMPTS", 2)
    keys = [Key(KEY, SECRET, PASSPHRASE)]
    with (
        serve(world, clock=lambda: NOW_MS, keys=keys, limits=False) as simulator,
        gateway(simulator.url) as exchanges,
    ):
        datasets = [*SNAPSHOTS, "ledger"]
        account = make_account(
            exchanges.url, exchange, exchange=exchange, history_start=HISTORY_START,
            datasets=datasets,
        )  # fmt: skip
        names = account.environment
        for name, value in zip(
            (names.api_key, names.api_secret, names.api_password),
            (KEY, SECRET, PASSPHRASE),
            strict=True,
        ):
            monkeypatch.setenv(name, value)
        assert run_job(account, "snapshot").success
        assert run_job(account, "history", tags=DAYS).success
        for trouble in TROUBLES:
            exchanges.trouble, before = trouble, exchanges.repeated
            assert not run_job(account, "snapshot").success, trouble.__name__
            assert exchanges.repeated > before
        assert not run_job(account, "history", tags=DAYS).success
        exchanges.trouble = None

        def buggy(*_: object) -> None:
            sent = {
                "secret": SECRET,
                "passphrase": PASSPHRASE,
                "signed": [*exchanges.signatures][-9:],
            }
            raise LookupError(KEY) from ValueError(sent)

        with monkeypatch.context() as patch:
            patch.setattr("alphapulse_pipeline.sync.snapshots.balance_rows", buggy)
            assert not run_job(account, "snapshot").success
        with monkeypatch.context() as patch:
            patch.setattr("alphapulse_pipeline.components.resources.open_session", buggy)
            assert not run_job(account, "snapshot").success
            assert not run_job(account, "history", tags=DAYS).success
        with monkeypatch.context() as patch:
            patch.setattr("alphapulse_pipeline.warehouse.io_manager.write", buggy)
            assert not run_job(account, "snapshot").success
        with monkeypatch.context() as patch:
            patch.setenv(names.api_secret, base64.b64encode(PLAIN + b"-wrong").decode())
            assert not run_job(account, "snapshot").success
        monkeypatch.setenv(names.api_key, KEY + "-wrong")
        assert not run_job(account, "history", tags=DAYS).success
    assert len(exchanges.signatures) > 10
    everything = dump(db)
    assert "ASSET_MATERIALIZATION" in everything  # Dagster's events are in the dump
    assert "LookupError" in everything, "a bug is logged with its traceback"
    assert "***" in everything
    assert "retrying in" in caplog.text
    output = capfd.readouterr()
    logged = "".join(f"{record.getMessage()} {record.__dict__}" for record in caplog.records)
    for place in (everything, logged, caplog.text, output.out, output.err):
        assert_without(place, exchanges.signatures)
