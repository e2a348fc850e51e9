"""`alphapulse up`: everything that a deployment needs, until Ctrl-C."""

import fcntl
import itertools
import json
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml

from alphapulse_pipeline.cli import output
from alphapulse_pipeline.cli.processes import Child, Children, end_marked, wait_until
from alphapulse_pipeline.cli.workspace import Workspace, workspace
from alphapulse_pipeline.settings.errors import SettingsError
from alphapulse_pipeline.warehouse.connection import DatabaseUnavailable, connect
from alphapulse_pipeline.warehouse.embedded import embedded_server

LOCATION = "alphapulse_pipeline"
_STARTUP_SECONDS = 120.0
_DATABASE_LOOKS = 10
_RUNS_LOOKS = 60
"""The database and the runs are looked at every so many half seconds."""
_SETTLED = timedelta(minutes=2)
"""By then a run that lives holds its account's lock, or waits for another that does."""
_SOON_SECONDS = 20.0
"""What dies so soon after its start would die again."""


def register(app: typer.Typer) -> None:
    app.command(
        help="Start the database, Dagster and its web UI, and sync on schedules.\n\n"
        "Example: alphapulse up --port 3001"
    )(up)


def up(
    host: Annotated[str, typer.Option(help="Where the web UI listens.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="The web UI's port.")] = 3000,
    demo: Annotated[bool, typer.Option("--demo", help="Invented data, a database apart.")] = False,
) -> int:
    _check_port(host, port)
    if host not in ("127.0.0.1", "localhost", "::1"):
        output.warn(
            f"the web UI has no password, and {host} may be reached by others: put a proxy with "
            "authentication in front of it"
        )
    with workspace(demo=demo, migrate=True) as place, _alone(place.home):
        if left := end_marked(place.home):
            output.note(f"ended {left} processes that a killed predecessor left")
        children = Children(place.home)
        children.stop_on_signals()
        try:
            _start(place, children, host, port)
            _watch(place, children)
        finally:
            output.note("stopping")
            children.stop()
            _end_lost_runs(place)
    return 1


def _start(place: Workspace, children: Children, host: str, port: int) -> None:
    began = time.monotonic()
    with output.stderr.status("starting Dagster"):
        code_port = free_port()
        workspace = _write_workspace(place, code_port)
        children.start(
            "code-server",
            ["dagster", "code-server", "start", "--host", "127.0.0.1", "--port", str(code_port),
             "--module-name", "alphapulse_pipeline.definitions", "--location-name", LOCATION],
        )  # fmt: skip
        web = children.start(
            "webserver",
            ["dagster_webserver", "-h", host, "-p", str(port), "-w", str(workspace)],
        )
        reachable = "127.0.0.1" if host in ("0.0.0.0", "::") else host  # noqa: S104
        url = f"http://{reachable}:{port}"
        _wait(children, web, lambda: location_loaded(url))
    output.stdout.print(f"AlphaPulse is up at {url} ({time.monotonic() - began:.0f} s)")
    demo = " --demo" if place.demo else ""
    output.note(
        f"  data      {_shown(place.url)}, schema alphapulse\n"
        f"  logs      {place.home / 'logs'}\n"
        f"  status    alphapulse status{demo}\n"
        f'  query     alphapulse sql{demo} "select * from balances_latest"\n'
        "  Ctrl-C stops everything"
    )
    # The daemon comes last: with it runs begin, and nothing of a predecessor may be under way.
    _end_lost_runs(place)
    children.start("daemon", ["dagster._daemon", "run", "-w", str(workspace)])
    from alphapulse_pipeline.cli import deployment  # Dagster: seconds that the UI need not wait

    try:
        for job in deployment.first_runs(place, reachable, port):
            output.note(f"  started   {job}")
    except deployment.NotStarted as reason:
        if not children.dead():  # else the watch tells who died
            output.warn(f"{reason}; the schedules will start it")


def _end_lost_runs(place: Workspace, older_than: timedelta = timedelta()) -> None:
    from alphapulse_pipeline.cli import deployment

    for run_id in deployment.end_lost_runs(place, older_than):
        output.note(f"run {run_id[:8]} had died with its process: it is failed now")


def _watch(place: Workspace, children: Children) -> None:
    """Start again what dies, until one dies soon after its start.

    Raises `KeyboardInterrupt` on Ctrl-C and SIGTERM.
    """
    there = True
    for look in itertools.count():
        if children.stopping.wait(0.5):
            raise KeyboardInterrupt
        if look % _DATABASE_LOOKS == 0:
            there = _database_is_there(place, was_there=there)
        if look % _RUNS_LOOKS == 0 and there:
            _look_at_runs(place)
        if not (dead := children.dead()):
            continue
        ended = f"the {dead.name} ended with status {dead.process.returncode}"
        if dead.age < _SOON_SECONDS:
            output.error(f"{ended}; the end of {dead.log}:\n{dead.last_words()}")
            return
        output.warn(f"{ended} and is started again; see {dead.log}")
        children.restart(dead)


def _database_is_there(place: Workspace, *, was_there: bool) -> bool:
    """Whether the database answers; our own is started again, somebody else's is waited for."""
    try:
        connect(place.url).close()
    except DatabaseUnavailable as error:
        if place.embedded:
            output.warn("the embedded database has ended and is started again")
            with embedded_server(place.home):  # `up` goes on using it
                return True
        if was_there:
            output.warn(f"{error}; nothing is synced until it is back")
        return False
    if not was_there:
        output.note("the database is back")
    return True


def _look_at_runs(place: Workspace) -> None:
    try:
        _end_lost_runs(place, _SETTLED)
    except Exception:
        if _database_is_there(place, was_there=True):
            raise  # else it went away just now


def _wait(children: Children, child: Child, ready: Any) -> None:
    if wait_until(ready, children, _STARTUP_SECONDS):
        return
    if children.stopping.is_set():
        raise KeyboardInterrupt
    dead = children.dead() or child
    raise SettingsError(
        f"the {dead.name} did not come up; the end of {dead.log}:\n{dead.last_words()}"
    )


def _write_workspace(place: Workspace, code_port: int) -> Path:
    path = place.dagster_home / "workspace.yaml"
    server = {"host": "127.0.0.1", "port": code_port, "location_name": LOCATION}
    path.write_text(yaml.safe_dump({"load_from": [{"grpc_server": server}]}))
    return path


def location_loaded(url: str) -> bool:
    """Whether the web UI answers and has our code. Raises `SettingsError` where it is broken."""
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
                return False  # the code server is still starting; the UI looks for it again
            raise SettingsError(f"Dagster cannot load the project: {loaded['message']}")
    return bool(entries) and all(entry["loadStatus"] == "LOADED" for entry in entries)


@contextmanager
def _alone(home: Path) -> Iterator[None]:
    """One `up` per home. Raises `SettingsError` where another one runs."""
    with (home / "up.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SettingsError(
                f"another `alphapulse up` runs with the home {home}: stop it, or set "
                "ALPHAPULSE_HOME to another directory"
            ) from None
        yield


def _check_port(host: str, port: int) -> None:
    try:
        with socket.create_server((host, port)):
            pass
    except OSError as error:
        raise SettingsError(
            f"cannot listen on {host}:{port}: {error.strerror}; choose another with --port"
        ) from None


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def _shown(url: str) -> str:
    from alphapulse_pipeline.settings.redaction import redact

    with connect(url) as connection:
        info = connection.info
        where = info.host if info.host.startswith("/") else f"{info.host}:{info.port}"
        return redact(f"database {info.dbname} at {where}")
