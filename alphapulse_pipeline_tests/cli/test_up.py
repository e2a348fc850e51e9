"""`alphapulse up` with real processes: it starts, syncs, and leaves no process however it ends.

One deployment serves all of these tests, in this order; one that a test has ended is started again
by the next, on the same home.
"""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from datetime import UTC, datetime
from pathlib import Path

import httpx
import psutil
import pytest
from dagster_graphql import DagsterGraphQLClient

from alphapulse_pipeline.warehouse.embedded import embedded_server
from alphapulse_pipeline_tests.cli import running
from alphapulse_pipeline_tests.cli.running import (
    Deployment,
    command_line,
    deployment,
    left,
    stop_postgres,
    wait_for,
)

DATASETS = (
    "balances",
    "positions",
    "prices",
    "books",
    "orders",
    "trades",
    "transfers",
    "funding",
    "ledger",
    "candles",
)
UNFINISHED = "status IN ('STARTING', 'STARTED', 'CANCELING')"

Up = Callable[[], Deployment]


@pytest.fixture(scope="module")
def up() -> Iterator[Up]:
    """Gives the running deployment, started where it is not."""
    found: list[Deployment] = []
    # a short path, because a unix socket's may have about a hundred characters
    with tempfile.TemporaryDirectory(prefix="ap") as folder, ExitStack() as stack:

        def alive() -> Deployment:
            if not found or found[-1].process.poll() is not None:
                found.append(stack.enter_context(deployment(Path(folder) / "home")))
            return found[-1]

        yield alive


def test_the_ui_answers_and_rows_of_every_dataset_arrive(up: Up) -> None:
    deployed = up()
    group = deployed.graphql(
        '{ assetNodes(group: {groupName: "bybit", repositoryName: '
        '"__repository__", repositoryLocationName: "alphapulse_pipeline"}) { assetKey { path } } }'
    )
    named = {node["assetKey"]["path"][-1] for node in group["assetNodes"]}
    assert named == {*DATASETS, "conversions"}  # the account converts nothing
    for dataset in DATASETS:
        assert deployed.wait_for_rows(f"SELECT FROM alphapulse.{dataset} LIMIT 1")


_CONNECT_AS_NOBODY = """
import os, socket, sys
os.setgroups([])
os.setgid(65534)
os.setuid(65534)
for path in sys.argv[1:]:
    try:
        socket.socket(socket.AF_UNIX).connect(path)
    except PermissionError:
        continue
    print(path)
"""


def test_other_users_reach_nothing_but_the_web_ui(up: Up) -> None:
    """The code server starts runs with any settings, and so gives its environment away."""
    deployed = up()
    tcp: set[int] = set()
    unix: set[str] = set()
    for child in left(deployed.home):
        with suppress(psutil.NoSuchProcess):  # it may end at any moment
            for connection in child.net_connections("tcp"):
                if connection.status == psutil.CONN_LISTEN and child.pid != deployed.process.pid:
                    tcp.add(connection.laddr.port)
            unix |= {str(c.laddr) for c in child.net_connections("unix") if c.laddr}
    assert tcp == {deployed.port}
    paths = sorted(path for path in unix if Path(path).is_socket())
    assert str(deployed.home / "code-server" / "socket") in paths
    if os.geteuid() == 0:
        nobody = subprocess.run(
            [sys.executable, "-c", _CONNECT_AS_NOBODY, *paths],
            capture_output=True,
            text=True,
            check=True,
        )
        assert nobody.stdout == ""


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/", {"Host": "evil.example.com"}),
        ("/assets", {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}),
        ("/graphql?query=%7Bversion%7D", {}),
    ],
)
def test_the_web_ui_is_guarded(up: Up, path: str, headers: dict[str, str]) -> None:
    request = urllib.request.Request(up().url + path, headers=headers)  # noqa: S310  our own
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=60)  # noqa: S310
    assert refused.value.code == 403


def test_other_machines_need_a_name(tmp_path: Path) -> None:
    refused = running.run(tmp_path, "up", "--demo", "--host", "0.0.0.0")  # noqa: S104
    assert refused.returncode == 2
    assert "--allow-host" in refused.stderr


def test_a_second_up_on_the_same_home_is_refused_in_one_line(up: Up) -> None:
    deployed = up()
    second = running.run(deployed.home, "up", "--demo", "--port", str(running.free_port()))
    assert second.returncode == 2
    assert second.stderr.count("\n") == 1
    assert "`alphapulse up` is already running" in second.stderr
    assert deployed.graphql("{ version }")


def test_a_taken_port_is_refused_in_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        refused = running.run(tmp_path, "up", "--demo", "--port", str(port))
    assert refused.returncode == 2
    assert refused.stderr.count("\n") == 1
    assert f"cannot listen on 127.0.0.1:{port}" in refused.stderr
    assert "--port" in refused.stderr


def test_after_kill_9_the_next_up_clears_away_what_was_left(up: Up) -> None:
    killed = up()
    [(run,)] = killed.wait_for_rows("SELECT run_id FROM runs WHERE status = 'STARTED' LIMIT 1")
    killed.wait_for_rows("SELECT FROM job_ticks LIMIT 1")
    killed.signal(signal.SIGKILL)
    orphans = [process for process in left(killed.home) if "postgres" not in command_line(process)]
    assert orphans, "nothing was left: this test tests nothing"
    # as if the clock had been ahead: the next `up` finds ticks in the future
    assert killed.rows(
        "UPDATE job_ticks SET timestamp = timestamp + interval '3 hours', tick_body = jsonb_set("
        "tick_body::jsonb, '{timestamp}', to_jsonb(extract(epoch FROM now()) + 10800))::text"
        " RETURNING id"
    )

    # one that was only queued is started by the next `up`
    lost = killed.rows(f"SELECT run_id FROM runs WHERE {UNFINISHED}")
    successor = up()
    assert "left by a previous `alphapulse up` that was killed" in successor.printed
    assert not [p for p in orphans if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]
    for run_id in {run, *(found for (found,) in lost)}:
        [(status,)] = successor.rows("SELECT status FROM runs WHERE run_id = %s", run_id)
        assert status in ("SUCCESS", "FAILURE", "CANCELED")
    wait_for(lambda: "in the future; deleted them" in successor.printed, 120, what="its warning")
    assert not successor.rows("SELECT FROM job_ticks WHERE timestamp > now() + interval '1 hour'")


def process(deployed: Deployment, word: str) -> psutil.Process:
    """The oldest process of the deployment whose command line has `word`."""
    found = [p for p in left(deployed.home) if word in command_line(p)]
    return min(found, key=lambda p: p.create_time())


def wait_for_next_run(deployed: Deployment, seconds: float = 150) -> None:
    """Until a run that does not exist yet has succeeded."""
    [(newest,)] = deployed.wait_for_rows("SELECT coalesce(max(id), 0) FROM runs")
    query = "SELECT FROM runs WHERE status = 'SUCCESS' AND id > %s"
    deployed.wait_for_rows(query, newest, seconds=seconds)


@pytest.mark.nightly
def test_runs_of_one_account_at_the_same_moment_never_overlap(up: Up) -> None:
    """Two of the UI, two of the terminal, and whatever the schedules start meanwhile."""
    deployed = up()
    [(newest,)] = deployed.rows("SELECT coalesce(max(id), 0) FROM alphapulse.sync_log")
    launch = (
        'mutation { launchRun(executionParams: {selector: {repositoryName: "__repository__", '
        'repositoryLocationName: "alphapulse_pipeline", jobName: "bybit_snapshot"}}) '
        "{ __typename ... on LaunchRunSuccess { run { runId } } } }"
    )
    dataset = ("--demo", "--dataset", "balances", "--dataset", "prices", "--dataset", "positions")
    with ThreadPoolExecutor(4) as pool:
        syncs = [pool.submit(running.run, deployed.home, "sync", *dataset) for _ in range(2)]
        launched = [pool.submit(deployed.graphql, launch) for _ in range(2)]
        runs = [run.result()["launchRun"]["run"]["runId"] for run in launched]
        assert [sync.result().returncode for sync in syncs] == [0, 0]
    for run in runs:
        ended = "SELECT status FROM runs WHERE run_id = %s AND status IN ('SUCCESS', 'FAILURE')"
        assert deployed.wait_for_rows(ended, run, seconds=300) == [("SUCCESS",)]
    overlapping = deployed.rows(
        "SELECT one.run_id, two.run_id FROM alphapulse.sync_log AS one"
        " JOIN alphapulse.sync_log AS two ON one.run_id < two.run_id AND"
        " tstzrange(one.started_at, one.finished_at) && tstzrange(two.started_at, two.finished_at)"
        " WHERE one.id > %s AND two.id > %s",
        newest,
        newest,
    )
    assert overlapping == []
    [(synced,)] = deployed.rows(
        "SELECT count(DISTINCT run_id) FROM alphapulse.sync_log WHERE id > %s", newest
    )
    assert synced >= 4


@pytest.mark.nightly
def test_a_killed_worker_is_a_failed_run_and_the_next_one_works(up: Up) -> None:
    deployed = up()
    query = "SELECT run_id, pipeline_name FROM runs WHERE status = 'STARTED' ORDER BY id LIMIT 1"
    [(run, job)] = deployed.wait_for_rows(query, seconds=120)
    [(newest,)] = deployed.rows("SELECT max(id) FROM runs")
    for worker in left(deployed.home):
        if "spawn_main" in command_line(worker):
            with suppress(psutil.NoSuchProcess):
                worker.kill()
    ended = "SELECT status FROM runs WHERE run_id = %s AND status IN ('SUCCESS', 'FAILURE')"
    assert deployed.wait_for_rows(ended, run) == [("FAILURE",)]
    assert deployed.rows("SELECT FROM concurrency_slots WHERE run_id IS NOT NULL") == []
    again = "SELECT FROM runs WHERE status = 'SUCCESS' AND pipeline_name = %s AND id > %s"
    deployed.wait_for_rows(again, job, newest, seconds=150)


@pytest.mark.nightly
@pytest.mark.parametrize("name", ["code-server", "dagster._daemon", "alphapulse_pipeline.cli.web"])
def test_a_killed_child_is_started_again(up: Up, name: str) -> None:
    deployed = up()
    killed = process(deployed, name)
    wait_for(lambda: time.time() - killed.create_time() > 25, 30, what="its settling")
    killed.kill()
    wait_for(lambda: "restarting it" in deployed.printed, 120, what="its restart")
    wait_for_next_run(deployed)
    wait_for(lambda: deployed.graphql("{ version }"), 120, what="the UI")
    assert deployed.process.poll() is None
    assert process(deployed, name).pid != killed.pid


@pytest.mark.nightly
def test_a_killed_database_is_started_again(up: Up) -> None:
    deployed = up()
    deployed.wait_for_rows("SELECT FROM runs WHERE status = 'STARTED'", seconds=120)
    [(newest,)] = deployed.rows("SELECT max(id) FROM runs")
    stop_postgres(deployed.home, signal.SIGKILL)
    wait_for(lambda: "database has stopped" in deployed.printed, 120, what="its restart")
    wait_for_next_run(deployed)
    lost = f"SELECT run_id FROM runs WHERE {UNFINISHED} AND id <= %s"
    wait_for(lambda: not deployed.rows(lost, newest), 200, what="the end of the lost runs")


@pytest.mark.nightly
def test_a_run_that_waits_for_answers_is_ended_at_its_limit(up: Up) -> None:
    deployed = up()
    simulator = process(deployed, "code-server").environ()["BYBIT_API_URL"]
    httpx.post(f"{simulator}/__faults", json=["delay=12:/v5/"]).raise_for_status()
    tags = {
        "dagster/max_runtime": "1",
        "dagster/asset_partition_range_start": f"{datetime.now(UTC):%Y-%m-%d}",
        "dagster/asset_partition_range_end": f"{datetime.now(UTC):%Y-%m-%d}",
    }
    run = DagsterGraphQLClient("127.0.0.1", port_number=deployed.port).submit_job_execution(
        "bybit_history", tags=tags
    )
    ended = "SELECT status FROM runs WHERE run_id = %s AND status IN ('SUCCESS', 'FAILURE')"
    assert deployed.wait_for_rows(ended, run, seconds=300) == [("FAILURE",)]
    assert deployed.wait_for_rows(
        "SELECT FROM event_logs WHERE run_id = %s AND event LIKE %s",
        run,
        "%Exceeded maximum runtime of 1 seconds%",
    )
    httpx.post(f"{simulator}/__faults", json=[]).raise_for_status()
    wait_for_next_run(deployed)


def test_sigterm_leaves_no_process_and_no_run_under_way(up: Up) -> None:
    deployed = up()
    deployed.wait_for_rows("SELECT FROM runs WHERE status = 'STARTED'")
    assert deployed.signal(signal.SIGTERM) == 130
    assert left(deployed.home) == []
    with embedded_server(deployed.home):
        assert deployed.rows(f"SELECT run_id FROM runs WHERE {UNFINISHED}") == []
