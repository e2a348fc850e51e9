"""The processes of `alphapulse sync`: accounts sync side by side, since each has its own limits.

A process for each, as each has its own signals, time limit and interpreter: see `sync_worker`.
"""

import json
import os
import selectors
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from alphapulse_pipeline.settings.environment import DOTENV, dotenv_path

Event = Mapping[str, Any]
Task = Mapping[str, Any]
PORTFOLIO = "portfolio"
"""The account of a task that refreshes the portfolio tables."""

_STOP_SECONDS = 6.0
"""How long a run has to end after Ctrl-C; what it has committed stays in any case."""
_REFRESH_SECONDS = 0.25


@dataclass
class _Process:
    process: subprocess.Popen[bytes]
    log: Path
    task: Task | None = None
    _rest: bytes = field(default=b"", init=False)

    def give(self, task: Task) -> None:
        self.task = task
        if self.process.stdin is None:
            raise AssertionError("the process has a pipe as its standard input")
        with suppress(BrokenPipeError):  # it has died, which its output tells
            self.process.stdin.write(json.dumps(task).encode() + b"\n")
            self.process.stdin.flush()

    def events(self) -> Iterator[Event]:
        """What has arrived. After its end, one `died`."""
        if self.process.stdout is None:
            raise AssertionError("the process has a pipe as its standard output")
        arrived = os.read(self.process.stdout.fileno(), 1 << 16)
        *lines, self._rest = (self._rest + arrived).split(b"\n")
        yield from map(json.loads, lines)
        if not arrived:
            lines = self.log.read_bytes().splitlines()[-1:]
            yield {
                "kind": "died",
                "error": f"its process ended with status {self.process.wait()}"
                + (f" ({lines[0].decode(errors='replace')[:200]})" if lines else "")
                + f"; its log is {self.log}; run `alphapulse sync` again: what is stored stays",
            }


class Workers:
    """At most `jobs` processes, started as they are needed."""

    def __init__(self, logs: Path, jobs: int) -> None:
        self._logs = logs
        self.jobs = jobs
        self._waiting: deque[Task] = deque()
        self._processes: list[_Process] = []
        self._started = 0

    def run(
        self,
        tasks: Iterable[Task],
        handle: Callable[[Task, Event], None],
        refresh: Callable[[], None],
    ) -> None:
        """Run tasks side by side until all have ended.

        `handle` is called with each event of each task: first `began`, and last `done` or `died`.
        It may `add` tasks.
        """
        self._waiting.extend(tasks)
        with selectors.DefaultSelector() as ready:
            for known in self._processes:
                ready.register(known.process.stdout or 0, selectors.EVENT_READ, known)
            while self._waiting or self._busy():
                while self._waiting and (idle := self._idle(ready)):
                    task = self._waiting.popleft()
                    idle.give(task)
                    handle(task, {"kind": "began", "datasets": task["datasets"]})
                for key, _ in ready.select(_REFRESH_SECONDS):
                    process: _Process = key.data
                    for event in process.events():
                        given = process.task
                        if event["kind"] in ("done", "died"):
                            process.task = None
                        if event["kind"] == "died":
                            ready.unregister(key.fileobj)
                            self._processes.remove(process)
                        if given is not None:
                            handle(given, event)
                refresh()

    def add(self, task: Task) -> None:
        """Run another task in the same `run`, after those that wait."""
        self._waiting.append(task)

    def _busy(self) -> bool:
        return any(process.task is not None for process in self._processes)

    def _idle(self, ready: selectors.BaseSelector) -> _Process | None:
        for process in self._processes:
            if process.task is None:
                return process
        if len(self._processes) >= self.jobs:
            return None
        process = self._start()
        ready.register(process.process.stdout or 0, selectors.EVENT_READ, process)
        return process

    def _start(self) -> _Process:
        self._logs.mkdir(exist_ok=True)
        self._started += 1  # also those that have died: their logs are named in messages
        log = self._logs / f"sync-{self._started}.log"
        with log.open("wb") as errors:
            process = subprocess.Popen(
                [sys.executable, "-m", "alphapulse_pipeline.cli.sync_worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                # Dagster copies a .env from the working directory into the environment, where it
                # overrides exported variables: start somewhere else.
                cwd=self._logs,
                env={**os.environ, DOTENV: str(dotenv_path())},
                start_new_session=True,  # Ctrl-C reaches `sync` alone, which stops them in order
            )
        started = _Process(process, log)
        self._processes.append(started)
        return started

    def stop(self) -> None:
        """End all processes within seconds: those that do not end by themselves are killed."""
        for process in self._processes:
            if process.process.stdin:
                with suppress(OSError):
                    process.process.stdin.close()
        deadline = time.monotonic() + _STOP_SECONDS
        try:
            for process in self._processes:
                with suppress(subprocess.TimeoutExpired):
                    process.process.wait(max(0.0, deadline - time.monotonic()))
        finally:  # after a second Ctrl-C at once
            for process in self._processes:
                process.process.kill()
                process.process.wait()


@contextmanager
def workers(logs: Path, jobs: int) -> Iterator[Workers]:
    """Processes that end with the context."""
    made = Workers(logs, jobs)
    try:
        yield made
    finally:
        made.stop()
