"""The child processes of `up`: started together, watched, and stopped together.

Each of them, and each run that they start, has a mark in its environment. It lets the next `up`
find processes that outlived a killed one.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

import psutil

from alphapulse_pipeline.settings.environment import DOTENV, dotenv_path

MARK = "ALPHAPULSE_UP"
_GRACE_SECONDS = 15.0


@dataclass
class Child:
    """A running process and where it writes its log."""

    name: str
    arguments: Sequence[str]
    process: subprocess.Popen[bytes]
    log: Path
    began: float = field(default_factory=time.monotonic)

    @property
    def died(self) -> bool:
        return self.process.poll() is not None

    @property
    def age(self) -> float:
        """Seconds since it was started."""
        return time.monotonic() - self.began

    def log_tail(self, lines: int = 15) -> str:
        """The end of its log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])


@dataclass
class Children:
    """All processes of one `up`."""

    home: Path
    running: list[Child] = field(default_factory=list)
    stopping: bool = False
    """Set by Ctrl-C and SIGTERM, and checked between steps. uv and terminals send signals twice: an
    exception in the handler could interrupt the cleanup, and the lock inside a `threading.Event`
    could be held by the very thread that the second signal interrupts."""

    def stop_on_signals(self) -> None:
        """Set `stopping` on Ctrl-C and SIGTERM."""

        def stop(_number: int, _frame: FrameType | None) -> None:
            self.stopping = True

        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, stop)

    def start(self, name: str, arguments: Sequence[str], *, again: bool = False) -> Child:
        """Start `python -m <arguments>` in a session of its own, its output in a log file."""
        logs = self.home / "logs"
        logs.mkdir(exist_ok=True)
        log = logs / f"{name}.log"
        with log.open("ab" if again else "wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                # Dagster copies a .env from the working directory into the environment, where it
                # overrides exported variables: start somewhere else.
                cwd=logs,
                env={
                    **os.environ,
                    MARK: str(self.home),
                    DOTENV: str(dotenv_path()),
                    "PYTHONUNBUFFERED": "1",
                },
                umask=0o077,  # Dagster's own sockets and files are in a directory of everyone
                start_new_session=True,  # Ctrl-C reaches `up` alone, which stops them in order
            )
        child = Child(name, arguments, process, log)
        self.running.append(child)
        return child

    def dead(self) -> Child | None:
        """A child that has ended by itself."""
        return next((child for child in self.running if child.died), None)

    def end(self, name: str) -> Child:
        """End one child, which `restart` can start again."""
        child = next(child for child in self.running if child.name == name)
        child.process.terminate()
        try:
            child.process.wait(_GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            child.process.kill()
            child.process.wait()
        return child

    def restart(self, child: Child) -> Child:
        """Start an ended child again, appending to its log."""
        self.running.remove(child)
        return self.start(child.name, child.arguments, again=True)

    def stop(self) -> None:
        """End all children and their runs at once: a code server that is stopped alone waits for
        its runs, which can take too long."""
        end_marked(self.home)
        for child in self.running:
            child.process.wait()


def end_marked(home: Path) -> int:
    """End every process with the mark of `home`; returns how many."""
    ended = 0
    while found := [
        p for p in psutil.process_iter() if p.pid != os.getpid() and _mark(p) == str(home)
    ]:
        for process in found:
            _signal(process, "terminate")
        _, stubborn = psutil.wait_procs(found, timeout=_GRACE_SECONDS)
        for process in stubborn:
            _signal(process, "kill")
        psutil.wait_procs(stubborn, timeout=_GRACE_SECONDS)
        ended += len(found)  # repeat, for processes that they started meanwhile
    return ended


def wait_until(condition: Callable[[], bool], children: Children, seconds: float) -> bool:
    """Whether `condition()` became true in time, while all children were running."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if children.dead() or children.stopping:
            return False
        if condition():
            return True
        time.sleep(0.1)
    return False


def _mark(process: psutil.Process) -> str | None:
    try:
        return process.environ().get(MARK)
    except psutil.Error:
        return None


def _signal(process: psutil.Process, name: str) -> None:
    with suppress(psutil.NoSuchProcess):
        getattr(process, name)()
