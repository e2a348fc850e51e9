"""Alerts: each failure is reported once when it begins and once when it is over."""

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.health import alerts
from alphapulse_pipeline.health.alerts import CHECKS, RUNS, Alert, Evaluation, NotDelivered
from alphapulse_pipeline.settings.environment import ALERT_WEBHOOK
from alphapulse_pipeline.warehouse import deployed, sync_log
from alphapulse_pipeline_tests.exchange.servers import Reply, replying

DB = Connection[TupleRow]
BAD_KEY = Alert(RUNS, "bybit", "credentials", "balances failed (credentials): the key is bad")
DEAD = Alert(RUNS, "bybit", "transient", "trades failed (transient): no answer")


def evaluate(db: DB, *problems: Alert, about: str = RUNS) -> tuple[list[str], Evaluation]:
    """The messages that one evaluation sends, and its result."""
    sent: list[str] = []
    result = alerts.evaluate(db, about, problems, sent.append)
    return sent, result


def test_a_lasting_failure_is_reported_once_and_its_end_once(db: DB) -> None:
    assert evaluate(db, BAD_KEY) == (
        ["AlphaPulse: bybit: balances failed (credentials): the key is bad"],
        Evaluation(1, 0, 0),
    )
    worse = Alert(RUNS, "bybit", "credentials", "balances, trades failed (credentials): bad")
    assert evaluate(db, worse) == ([], Evaluation(0, 0, 1))
    assert evaluate(db) == (
        ["AlphaPulse: bybit: over after less than a minute: credentials"],
        Evaluation(0, 1, 0),
    )
    assert evaluate(db) == ([], Evaluation(0, 0, 0))
    assert evaluate(db, BAD_KEY)[1] == Evaluation(1, 0, 0)


def test_accounts_and_causes_are_separate_alerts(db: DB) -> None:
    other = Alert(RUNS, "okx", "credentials", "balances failed (credentials): the key is bad")
    assert evaluate(db, BAD_KEY, DEAD, other)[1] == Evaluation(3, 0, 0)
    assert evaluate(db, DEAD)[1] == Evaluation(0, 2, 1)


def test_runs_and_checks_do_not_end_each_others_alerts(db: DB) -> None:
    evaluate(db, BAD_KEY)
    failed = Alert(CHECKS, "bybit", "trades/complete", "check trades/complete failed: gap")
    assert evaluate(db, failed, about=CHECKS)[1] == Evaluation(1, 0, 0)
    assert evaluate(db, BAD_KEY)[1] == Evaluation(0, 0, 1)


def test_what_the_webhook_did_not_accept_is_sent_again(db: DB) -> None:
    def deaf(_: str) -> None:
        raise NotDelivered("the webhook responded with 503 Busy")

    result = alerts.evaluate(db, RUNS, [BAD_KEY, DEAD], deaf)
    assert result == Evaluation(0, 0, 0, "the webhook responded with 503 Busy")
    assert evaluate(db, BAD_KEY, DEAD)[1] == Evaluation(2, 0, 0)
    assert alerts.evaluate(db, RUNS, [], deaf).ended == 0
    assert evaluate(db)[1] == Evaluation(0, 2, 0)


def test_without_a_webhook_it_is_logged(db: DB, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    assert alerts.evaluate(db, RUNS, [BAD_KEY], None) == Evaluation(1, 0, 0)
    alerts.evaluate(db, RUNS, [], None)
    assert [(r.levelname, r.getMessage()) for r in caplog.records] == [
        ("ERROR", "alert: bybit: balances failed (credentials): the key is bad"),
        ("INFO", "alert: bybit: over after less than a minute: credentials"),
    ]


def test_failures_come_from_the_newest_attempts(db: DB) -> None:
    names = ["balances", "ledger", "trades"]
    deployed.register(db, "bybit", "bybit", [(name, True, None) for name in names])
    for name, kind in zip(names, ("transient", "transient", "incomplete"), strict=True):
        sync_log.fail(db, sync_log.start(db, "bybit", name, "run"), 0, 1, kind, "no answer")
    assert list(alerts.failed_datasets(db)) == [
        Alert(RUNS, "bybit", "incomplete", "trades failed (incomplete): no answer"),
        Alert(RUNS, "bybit", "transient", "balances, ledger failed (transient): no answer"),
    ]
    with db.cursor() as cursor:
        for name in names:
            sync_log.succeed(cursor, sync_log.start(db, "bybit", name, "run"), 0, 1)
    assert list(alerts.failed_datasets(db)) == []


def test_a_killed_run_is_a_failure_too(db: DB) -> None:
    deployed.register(db, "bybit", "bybit", [("trades", True, None)])
    sync_log.start(db, "bybit", "trades", "run")
    (found,) = alerts.failed_datasets(db)
    assert (found.cause, "died" in found.text) == ("died", True)


def test_a_check_fails_until_it_passes(db: DB) -> None:
    alerts.note_check(db, "bybit", "trades", "complete", "stream spot, 2 more")
    alerts.note_check(db, "bybit", "trades", "complete", "stream linear")
    assert list(alerts.failed_checks(db)) == [
        Alert(CHECKS, "bybit", "trades/complete", "check trades/complete failed: stream linear")
    ]
    alerts.note_check(db, "bybit", "trades", "complete", None)
    assert list(alerts.failed_checks(db)) == []


@contextmanager
def receiving() -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """A webhook: its URL, and the content type and body of what it was sent."""
    taken: list[tuple[str, str]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            taken.append((self.headers["Content-Type"], body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/services/T0/token-4711", taken
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_the_webhook_gets_the_format_of_slack() -> None:
    with receiving() as (url, taken):
        alerts.webhook(url)("AlphaPulse: é")
    assert [(kind, json.loads(body)) for kind, body in taken] == [
        ("application/json", {"text": "AlphaPulse: é"})
    ]


def test_a_webhook_that_refuses_says_so_without_its_url() -> None:
    with replying(lambda _: Reply(b"no", 404)) as url:
        with pytest.raises(NotDelivered) as refused:
            alerts.webhook(f"{url}/token-4711")("text")
        closed = f"{url}/token-4711"
    assert str(refused.value) == "the webhook responded with 404 Not Found"
    with pytest.raises(NotDelivered, match=r"cannot be reached: .*refused") as dead:
        alerts.webhook(closed)("text")
    assert "4711" not in str(dead.value)


@pytest.mark.parametrize("status", [301, 302, 303])
def test_a_webhook_that_redirects_delivers_nothing(status: int) -> None:
    with (
        receiving() as (other, taken),
        replying(lambda _: Reply(b"", status, {"Location": other})) as url,
        pytest.raises(NotDelivered, match=f"responded with {status}"),
    ):
        alerts.webhook(url)("text")
    assert taken == []


def test_no_secret_is_sent(db: DB, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BYBIT_API_SECRET", "recognisable-4711")
    monkeypatch.setenv(ALERT_WEBHOOK, "https://hooks.invalid/recognisable-0815")
    leaky = Alert(RUNS, "bybit", "bug", "recognisable-4711 https://hooks.invalid/recognisable-0815")
    sent, _ = evaluate(db, leaky)
    stored = db.execute("SELECT finding FROM alphapulse.alerts").fetchone()
    assert sent
    assert "recognisable" not in f"{sent}{stored}"
