"""`alphapulse up`: everything that a deployment needs, until Ctrl-C."""

import fcntl
import json
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml

from alphapulse_pipeline.cli import output
from alphapulse_pipeline.cli.processes import Child, Children, end_marked, wait_until
from alphapulse_pipeline.cli.workplace import Workplace, workplace
from alphapulse_pipeline.settings.environment import SettingsError

LOCATION = "alphapulse_pipeline"
_STARTUP_SECONDS = 120.0


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
    with workplace(demo=demo, migrate=True) as place, _alone(place.home):
        if left := end_marked(place.home):
            output.note(f"ended {left} processes that a killed predecessor left")
        children = Children(place.home)
        children.stop_on_signals()
        try:
            _start(place, children, host, port)
            _watch(children)
        finally:
            output.note("stopping")
            children.stop()
            _end_lost_runs(place)
    return 1


def _start(place: Workplace, children: Children, host: str, port: int) -> None:
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
    output.note(
        f"  data      {_shown(place.url)}, schema alphapulse\n"
        f"  logs      {place.home / 'logs'}\n"
        "  status    alphapulse status\n"
        '  query     alphapulse sql "select * from balances_latest"\n'
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


def _end_lost_runs(place: Workplace) -> None:
    from alphapulse_pipeline.cli import deployment

    for run_id in deployment.end_lost_runs(place):
        output.note(f"run {run_id[:8]} had died with its process: it is failed now")


def _watch(children: Children) -> None:
    """Wait until a process dies. Raises `KeyboardInterrupt` on Ctrl-C and SIGTERM."""
    while not children.stopping.wait(0.5):
        if dead := children.dead():
            output.error(
                f"the {dead.name} ended with status {dead.process.returncode}; the end of "
                f"{dead.log}:\n{dead.last_words()}"
            )
            return
    raise KeyboardInterrupt


def _wait(children: Children, child: Child, ready: Any) -> None:
    if wait_until(ready, children, _STARTUP_SECONDS):
        return
    if children.stopping.is_set():
        raise KeyboardInterrupt
    dead = children.dead() or child
    raise SettingsError(
        f"the {dead.name} did not come up; the end of {dead.log}:\n{dead.last_words()}"
    )


def _write_workspace(place: Workplace, code_port: int) -> Path:
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
    from alphapulse_pipeline.warehouse.connection import connect

    with connect(url) as connection:
        info = connection.info
        where = info.host if info.host.startswith("/") else f"{info.host}:{info.port}"
        return redact(f"database {info.dbname} at {where}")
