"""A process that syncs one account after the other for `alphapulse sync`.

It reads tasks from its standard input and writes events to its standard output, each a line of
JSON. Its standard error is a log. When its input ends, `alphapulse sync` is gone or has finished:
a run that is still going is interrupted as by Ctrl-C.

Tasks: `{"account", "datasets", "since", "until"}`; the account `portfolio` means to refresh its
tables. Events have a `kind`: `progress` and `log` while a task runs, and one `done` in the end.
"""

import json
import logging
import os
import queue
import signal
import sys
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import IO, Any

from alphapulse_pipeline.cli import runs
from alphapulse_pipeline.cli.sync_workers import PORTFOLIO
from alphapulse_pipeline.exchange.kind import FINAL
from alphapulse_pipeline.settings.accounts import Account
from alphapulse_pipeline.settings.deployment import read_deployment
from alphapulse_pipeline.settings.environment import postgres_url
from alphapulse_pipeline.settings.redaction import redact
from alphapulse_pipeline.warehouse import progress
from alphapulse_pipeline.warehouse.connection import connect

_INTERRUPTED = 130


class Worker:
    """Runs tasks, and reports them on `events`."""

    def __init__(self, events: IO[str]) -> None:
        self._events = events
        self._lock = threading.Lock()
        self._account = ""

    def run(self, task: Mapping[str, Any]) -> None:
        """Run one task to its end, which is reported whether it fails or not."""
        self._account = task["account"]
        if self._account == PORTFOLIO:
            self.log(logging.INFO, "refreshing")
            run = runs.refresh_portfolio()
            error = None if run.success else redact(run.error or "")
            self.send("done", results=[], refused=False, error=error)
            return
        self.log(logging.INFO, "starting the sync")
        account = next(a for a in read_deployment().accounts if a.name == self._account)
        started = time.monotonic()
        run = runs.materialize(
            account, task["datasets"], _time(task.get("since")), _time(task.get("until"))
        )
        seconds = time.monotonic() - started
        results = _results(account, task["datasets"], run, seconds)
        self.send("done", results=results, refused=_refused(account, run), error=None)

    def report(self, found: progress.Progress) -> None:
        self.send("progress", **asdict(found))

    def log(self, level: int, text: str) -> None:
        self.send("log", level=level, text=text)

    def send(self, kind: str, **values: Any) -> None:
        with self._lock:
            event = {"kind": kind, "account": self._account, **values}
            self._events.write(json.dumps(event) + "\n")
            self._events.flush()


class _LogEvents(logging.Handler):
    def __init__(self, worker: Worker) -> None:
        super().__init__(logging.INFO)
        self._worker = worker

    def emit(self, record: logging.LogRecord) -> None:
        # the terminal shows the progress itself
        if record.name != progress.__name__:
            self._worker.log(record.levelno, redact(record.getMessage()))


def _results(
    account: Account, names: Iterable[str], run: runs.Run, seconds: float
) -> list[dict[str, Any]]:
    """The run's results from `sync_log`; a dataset without a row there was never started."""
    with connect(postgres_url()) as connection:
        rows = connection.execute(
            "SELECT dataset, status, rows_written, error,"
            " extract(epoch FROM coalesce(finished_at, now()) - started_at)"
            " FROM alphapulse.sync_log WHERE run_id = %s AND account = %s",
            [run.run_id, account.name],
        ).fetchall()
    found = {name: (status, count, float(took), error) for name, status, count, error, took in rows}
    never = ("failed", 0, seconds, redact(run.error or "not started"))
    results = []
    for name in names:
        status, count, took, error = found.get(name, never)
        results.append(
            {
                "account": account.name,
                "dataset": name,
                "status": status,
                "rows": count,
                "seconds": round(took, 3),
                "error": error,
            }
        )
    return results


def _refused(account: Account, run: runs.Run) -> bool:
    """Whether the exchange refused the whole account."""
    with connect(postgres_url()) as connection:
        row = connection.execute(
            "SELECT bool_and(status = 'failed') AND bool_or(error_kind = ANY(%s))"
            " FROM alphapulse.sync_log WHERE run_id = %s AND account = %s",
            [[kind.value for kind in FINAL], run.run_id, account.name],
        ).fetchone()
    return row == (True,)


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _read(tasks: "queue.Queue[str | None]", busy: threading.Event, closed: threading.Event) -> None:
    for line in sys.stdin:
        tasks.put(line)
    closed.set()
    tasks.put(None)
    if busy.is_set():
        os.kill(os.getpid(), signal.SIGINT)


def main() -> int:
    """Run tasks until the input ends."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # what libraries print must not be taken for an event
    events = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    worker = Worker(events)
    progress.listeners.append(worker.report)
    logging.getLogger("alphapulse_pipeline").addHandler(_LogEvents(worker))
    tasks: queue.Queue[str | None] = queue.Queue()
    busy, closed = threading.Event(), threading.Event()
    threading.Thread(target=_read, args=(tasks, busy, closed), daemon=True).start()
    try:
        while (line := tasks.get()) is not None:
            busy.set()
            if closed.is_set():
                return _INTERRUPTED
            worker.run(json.loads(line))
            busy.clear()
    except (KeyboardInterrupt, BrokenPipeError):
        return _INTERRUPTED
    return 0


if __name__ == "__main__":
    sys.exit(main())
