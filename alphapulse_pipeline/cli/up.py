"""`alphapulse up`: the database, Dagster and its web UI, until Ctrl-C."""

import fcntl
import itertools
import json
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer
import yaml

from alphapulse_pipeline.cli import output
from alphapulse_pipeline.cli.clock import Clock
from alphapulse_pipeline.cli.private_directory import private_directory
from alphapulse_pipeline.cli.processes import Child, Children, end_marked, wait_until
from alphapulse_pipeline.cli.workspace import Workspace, workspace
from alphapulse_pipeline.settings.errors import SettingsError
from alphapulse_pipeline.warehouse.connection import DatabaseUnavailable, connect
from alphapulse_pipeline.warehouse.embedded import embedded_server

LOCATION = "alphapulse_pipeline"
_DAEMON = "daemon"
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_STARTUP_SECONDS = 120.0
_DATABASE_INTERVAL = 10
_RUNS_INTERVAL = 60
"""Half seconds between two checks of the database and of lost runs."""
_LOCK_TIME = timedelta(minutes=2)
"""A live run holds its account's lock by then, or waits for a run that does."""
_CRASH_LOOP_SECONDS = 20.0
"""A child that dies this soon after its start is not restarted."""


def register(app: typer.Typer, summary: str) -> None:
    app.command(help=f"{summary}\n\nExample: alphapulse up --port 3001")(up)


def up(
    host: Annotated[str, typer.Option(help="Address that the web UI listens on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port of the web UI.")] = 3000,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(
            "--allow-host",
            metavar="NAME",
            help="Host name at which browsers reach the web UI, e.g. your reverse proxy's. May be "
            "repeated. Requests for any other host name, except localhost, are refused.",
        ),
    ] = None,
    demo: Annotated[
        bool,
        typer.Option("--demo", help="Use the simulated demo account and its separate database."),
    ] = False,
) -> int:
    _check_port(host, port)
    if host not in _LOOPBACK:
        if not allow_host:
            raise SettingsError(
                f"--host {host} makes the web UI reachable from other machines, but no host name "
                "is allowed",
                "add `--allow-host NAME` with the name or address that browsers use",
            )
        output.warn(
            f"the web UI has no password, and others may reach {host}: put a proxy with "
            "authentication in front of it"
        )
    with workspace(demo=demo, migrate=True) as place, _home_lock(place.home):
        if left := end_marked(place.home):
            output.note(
                f"ended {left} processes left by a previous `alphapulse up` that was killed"
            )
        children = Children(place.home)
        children.stop_on_signals()
        try:
            _start(place, children, host, port, [*_LOOPBACK, *(allow_host or ())])
            _watch(place, children)
        finally:
            output.note("stopping")
            children.stop()
            _end_lost_runs(place)
    return 1


def _start(
    place: Workspace, children: Children, host: str, port: int, allowed: Sequence[str]
) -> None:
    began = time.monotonic()
    with output.stderr().status("starting Dagster"):
        code_socket = private_directory(place.home / "code-server") / "socket"
        workspace = _write_workspace(place, code_socket)
        children.start(
            "code-server",
            ["dagster", "code-server", "start", "--socket", str(code_socket),
             "--module-name", "alphapulse_pipeline.definitions", "--location-name", LOCATION],
        )  # fmt: skip
        web = children.start(
            "webserver",
            [
                "alphapulse_pipeline.cli.web",
                ",".join(allowed),
                "-h",
                host,
                "-p",
                str(port),
                "-w",
                str(workspace),
            ],
        )
        reachable = "127.0.0.1" if host in ("0.0.0.0", "::") else host  # noqa: S104
        url = f"http://{reachable}:{port}"
        _wait(children, web, lambda: location_loaded(url))
    output.line(f"AlphaPulse is up at {url} ({time.monotonic() - began:.0f} s)")
    demo = " --demo" if place.demo else ""
    output.note(
        f"  data      {_shown(place.url)}, schema alphapulse\n"
        f"  logs      {place.home / 'logs'}\n"
        f"  status    alphapulse status{demo}\n"
        f'  query     alphapulse sql{demo} "select * from balances_latest"\n'
        "  Ctrl-C stops everything"
    )
    # The daemon starts runs, so it comes after the lost runs of a previous `up` are ended.
    _end_lost_runs(place)
    _prepare_schedules(place)
    children.start(_DAEMON, ["dagster._daemon", "run", "-w", str(workspace)])
    # imports Dagster, which takes seconds: after the UI is up
    from alphapulse_pipeline.cli import deployment

    try:
        for job in deployment.first_runs(place, reachable, port):
            output.note(f"  started   {job}")
    except deployment.NotStarted as reason:
        if not children.dead():  # _watch reports a dead child
            output.warn(f"{reason}; its schedule will start it")


def _end_lost_runs(place: Workspace, older_than: timedelta = timedelta()) -> None:
    from alphapulse_pipeline.cli import deployment

    for run_id in deployment.end_lost_runs(place, older_than):
        output.note(f"run {run_id[:8]}: its process was killed; marked as failed")


def _prepare_schedules(place: Workspace) -> None:
    from alphapulse_pipeline.cli import deployment

    for message in deployment.prepare_schedules(place):
        output.warn(message)


def _watch(place: Workspace, children: Children) -> None:
    """Restart children that die; return when one dies right after its start.

    Raises `KeyboardInterrupt` on Ctrl-C and SIGTERM.
    """
    available = True
    clock = Clock()
    for step in itertools.count():
        time.sleep(0.5)
        if children.stopping:
            raise KeyboardInterrupt
        if available and (seconds := clock.set_back()):
            output.warn(f"this machine's clock was set back by {seconds:.0f} seconds")
            _restart_scheduler(place, children)
        if step % _DATABASE_INTERVAL == 0:
            available = _database_is_up(place, was_up=available)
        if step % _RUNS_INTERVAL == 0 and available:
            _check_runs(place)
        if not (dead := children.dead()):
            continue
        ended = f"the {dead.name} exited with status {dead.process.returncode}"
        if dead.age < _CRASH_LOOP_SECONDS:
            output.error(f"{ended}; the end of {dead.log}:\n{dead.log_tail()}")
            return
        output.warn(f"{ended}; restarting it; its log is {dead.log}")
        children.restart(dead)


def _restart_scheduler(place: Workspace, children: Children) -> None:
    """Forget the times of a clock that was ahead. The daemon also has them in its memory."""
    daemon = children.end(_DAEMON)
    try:
        _prepare_schedules(place)
    except Exception:
        if _database_is_up(place, was_up=True):
            raise  # otherwise the database has just gone down
    children.restart(daemon)


def _database_is_up(place: Workspace, *, was_up: bool) -> bool:
    """Whether the database answers. Restarts the embedded one; an external one is waited for."""
    try:
        connect(place.url).close()
    except DatabaseUnavailable as error:
        if place.embedded:
            output.warn("the embedded database has stopped; restarting it")
            with embedded_server(place.home):  # still in use by `up`, so it stays up
                return True
        if was_up:
            output.warn(f"{error}; syncing resumes when the database is back")
        return False
    if not was_up:
        output.note("the database is back")
    return True


def _check_runs(place: Workspace) -> None:
    try:
        _end_lost_runs(place, _LOCK_TIME)
    except Exception:
        if _database_is_up(place, was_up=True):
            raise  # otherwise the database has just gone down


def _wait(children: Children, child: Child, ready: Callable[[], bool]) -> None:
    if wait_until(ready, children, _STARTUP_SECONDS):
        return
    if children.stopping:
        raise KeyboardInterrupt
    dead = children.dead() or child
    raise SettingsError(
        f"the {dead.name} did not start; the end of {dead.log}:\n{dead.log_tail()}",
        "fix the error in that log, then run `alphapulse up` again",
    )


def _write_workspace(place: Workspace, code_socket: Path) -> Path:
    path = place.dagster_home / "workspace.yaml"
    server = {"socket": str(code_socket), "location_name": LOCATION}
    path.write_text(yaml.safe_dump({"load_from": [{"grpc_server": server}]}))
    return path


def location_loaded(url: str) -> bool:
    """Whether the web UI has loaded the project. Raises `SettingsError` if that fails."""
    query = (
        "{ locationStatusesOrError { __typename } workspaceOrError { ... on Workspace {"
        " locationEntries { loadStatus locationOrLoadError { __typename"
        " ... on PythonError { message } } } } } }"
    )
    request = urllib.request.Request(  # noqa: S310  our own server
        f"{url}/graphql",
        json.dumps({"query": query}).encode(),
        {"Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310
            entries = json.load(answer)["data"]["workspaceOrError"]["locationEntries"]
    except (urllib.error.URLError, OSError, ValueError):
        return False
    for entry in entries:
        loaded = entry["locationOrLoadError"] or {}
        if loaded.get("__typename") == "PythonError":
            if "DagsterUserCodeUnreachableError" in loaded["message"]:
                return False  # the code server is still starting; the UI retries
            raise SettingsError(
                f"Dagster cannot load the project: {loaded['message']}",
                "fix that error, then check with `dg check defs`",
            )
    return bool(entries) and all(entry["loadStatus"] == "LOADED" for entry in entries)


@contextmanager
def _home_lock(home: Path) -> Iterator[None]:
    """One `up` per home. Raises `SettingsError` if one is already running."""
    with (home / "up.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SettingsError(
                f"`alphapulse up` is already running with the home {home}",
                "stop it, or set ALPHAPULSE_HOME to a different directory",
            ) from None
        yield


def _check_port(host: str, port: int) -> None:
    try:
        with socket.create_server((host, port)):
            pass
    except OSError as error:
        raise SettingsError(
            f"cannot listen on {host}:{port}: {error.strerror}", "choose a free port with --port"
        ) from None


def _shown(url: str) -> str:
    from alphapulse_pipeline.settings.redaction import redact

    with connect(url) as connection:
        info = connection.info
        where = info.host if info.host.startswith("/") else f"{info.host}:{info.port}"
        return redact(f"database {info.dbname} at {where}")
