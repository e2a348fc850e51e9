"""A real `alphapulse up --demo`: started, asked, signalled, and everything of it found."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import BytesIO, TextIOWrapper
from pathlib import Path
from typing import Any, TypeVar

import psutil
import psycopg
import pytest
from psycopg.rows import TupleRow

from alphapulse_pipeline.cli import main, output
from alphapulse_pipeline.cli.processes import MARK
from alphapulse_pipeline.settings.environment import HOME, POSTGRES_URL
from alphapulse_pipeline.warehouse.embedded import EmbeddedServer

T = TypeVar("T")

COMMAND = Path(sys.executable).with_name("alphapulse")
_OURS = re.compile(rf".*_(API_.*|TESTNET)|{HOME}|{POSTGRES_URL}|{MARK}|DAGSTER_HOME")


@dataclass
class Deployment:
    """A running `up` and its home."""

    process: subprocess.Popen[bytes]
    home: Path
    port: int
    log: Path
    database: str = "alphapulse_demo"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def printed(self) -> str:
        """What `up` has printed so far."""
        return self.log.read_text()

    def graphql(self, query: str) -> Any:
        """`data` of the UI's answer; None where it does not answer."""
        request = urllib.request.Request(  # noqa: S310  our own server
            f"{self.url}/graphql",
            json.dumps({"query": query}).encode(),
            {"Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
                return json.load(answer)["data"]
        except (urllib.error.URLError, OSError):
            return None

    def rows(self, query: str, *parameters: object) -> list[TupleRow]:
        """The answer of the deployment's database."""
        url = EmbeddedServer(self.home / "postgres" / "socket").url(self.database)
        with psycopg.connect(url) as connection:
            return connection.execute(query.encode(), parameters).fetchall()

    def wait_for_rows(
        self, query: str, *parameters: object, seconds: float = 180
    ) -> list[TupleRow]:
        """The answer as soon as there is one; the database may be on its way up or down."""

        def found() -> list[TupleRow]:
            try:
                return self.rows(query, *parameters)
            except psycopg.OperationalError:
                return []

        return wait_for(found, seconds, what=query)

    def signal(self, number: signal.Signals, patience: float = 120) -> int:
        """Send a signal to `up` alone; its exit status."""
        self.process.send_signal(number)
        return self.process.wait(patience)


@contextmanager
def deployment(home: Path, *, demo: bool = True) -> Iterator[Deployment]:
    """`alphapulse up --demo`, its UI answering; nothing of it is left at the end.

    Without `demo`, the accounts' variables are those of `.env` beside the home.
    """
    port = free_port()
    log = home.with_name(f"{home.name}.log")
    with log.open("wb") as output:
        process = subprocess.Popen(
            [COMMAND, "up", *(["--demo"] if demo else []), "--port", str(port)],
            env=environment(home),
            cwd=home.parent,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    running = Deployment(process, home, port, log, "alphapulse_demo" if demo else "alphapulse")
    try:
        wait_for(
            lambda: "is up at" in running.printed or process.poll() is not None, 120, what="up"
        )
        assert process.poll() is None, running.printed
        yield running
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(120)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        end_all(home)


def run(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """`alphapulse <arguments>` with that home, to its end."""
    return subprocess.run(
        [COMMAND, *arguments],
        env=environment(home),
        cwd=home.parent,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


def run_here(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """As `run`, in this process: without the second that a new one spends on imports."""
    printed = BytesIO(), BytesIO()
    out, errors = (TextIOWrapper(stream, "utf-8", write_through=True) for stream in printed)
    umask, handler = os.umask(0o077), signal.getsignal(signal.SIGTERM)
    try:
        with (
            pytest.MonkeyPatch.context() as patch,
            redirect_stdout(out),
            redirect_stderr(errors),
        ):
            variables = environment(home)
            for name in os.environ.keys() - variables.keys():
                patch.delenv(name)
            for name, value in {**variables, "DAGSTER_HOME": "", POSTGRES_URL: ""}.items():
                patch.setenv(name, value)
            patch.chdir(home.parent)
            patch.setattr(sys, "argv", [str(COMMAND), *arguments])
            for console in (output.stdout, output.stderr):
                console.cache_clear()
            with pytest.raises(SystemExit) as ended:
                main()
    finally:
        os.umask(umask)
        signal.signal(signal.SIGTERM, handler)
        for console in (output.stdout, output.stderr):
            console.cache_clear()
    code = ended.value.code
    assert isinstance(code, int)
    return subprocess.CompletedProcess(
        arguments, code, *(stream.getvalue().decode() for stream in printed)
    )


def environment(home: Path) -> dict[str, str]:
    """This process's environment without anything that is meant for another deployment."""
    inherited = {name: value for name, value in os.environ.items() if not _OURS.fullmatch(name)}
    return {**inherited, HOME: str(home), "COLUMNS": "200"}


def left(home: Path) -> list[psutil.Process]:
    """Every process of the deployment of `home`: children and runs by their mark, PostgreSQL by
    its working directory, which is its data."""
    return [process for process in psutil.process_iter() if _belongs(process, home)]


def command_line(process: psutil.Process) -> str:
    """Empty where it has ended meanwhile."""
    try:
        return " ".join(process.cmdline())
    except psutil.NoSuchProcess:
        return ""


def stop_postgres(home: Path, how: signal.Signals) -> None:
    """As an administrator or a power cut stops PostgreSQL."""
    pid = int((home / "postgres" / "data" / "postmaster.pid").read_text().split()[0])
    postmaster = psutil.Process(pid)
    family = [postmaster, *postmaster.children(recursive=True)]
    if how is signal.SIGKILL:
        for process in family:  # the first one first: it would start the others anew
            process.kill()
    else:
        postmaster.send_signal(how)
    _, alive = psutil.wait_procs(family, timeout=30)
    assert not alive


def end_all(home: Path) -> None:
    """What a failed test leaves must not disturb the next one."""
    found = left(home)
    for process in found:
        with_grace = process.name() == "postgres"
        process.send_signal(signal.SIGINT if with_grace else signal.SIGKILL)
    psutil.wait_procs(found, timeout=10)


def wait_for(condition: Callable[[], T], seconds: float, *, what: str) -> T:
    """The first true value of `condition()`."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, f"waited {seconds} s in vain for {what}"
        time.sleep(0.2)
    return value


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def _belongs(process: psutil.Process, home: Path) -> bool:
    try:
        if process.environ().get(MARK) == str(home):
            return process.status() != psutil.STATUS_ZOMBIE
        return Path(process.cwd()).is_relative_to(home)
    except psutil.Error:
        return False
