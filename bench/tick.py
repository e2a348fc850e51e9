"""What a scheduled tick without news costs, beside a run that only says hello.

`uv run python bench/tick.py` takes a few minutes. It starts a deployment of its own (database, a
simulated exchange with hundreds of markets, code server, web server), lets everything be read
once, and then launches snapshot runs and hello-world runs by turns. Both are launched as the
daemon would: through Dagster's API, by the DefaultRunLauncher, each in a process of its own beside
the code server, which loads the same definitions.

CPU is user and system time of the run's process and its children: what the code server's process
is charged for its ended children. Wall is from Dagster's launch to the run's end by its event log.
"""

import argparse
import os
import signal
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import psutil
import yaml
from dagster_graphql import DagsterGraphQLClient

from alphapulse_pipeline.cli.processes import Children, wait_until
from alphapulse_pipeline.cli.up import location_loaded
from alphapulse_pipeline.settings.deployment import read_deployment
from alphapulse_pipeline.settings.environment import POSTGRES_URL
from alphapulse_pipeline.warehouse import schema
from alphapulse_pipeline.warehouse.embedded import embedded_server
from exchange_simulator import DEMO_KEY, DEMO_SECRET, World, serve

TARGET = 1.3
JOBS = ("bybit_snapshot", "hello_world")
LOCATION = "bench"


@dataclass(frozen=True)
class Cost:
    """Seconds."""

    cpu: float
    wall: float


@dataclass(frozen=True)
class Bench:
    """A running deployment without a daemon, which would launch runs of its own."""

    client: DagsterGraphQLClient
    instance: dg.DagsterInstance
    code_server: psutil.Process

    def launch(self, job: str) -> Cost:
        """Run a job to its end."""
        before = self._charged()
        run_id = self.client.submit_job_execution(job)
        while not (run := self.instance.get_run_by_id(run_id)) or not run.is_finished:
            time.sleep(0.1)
        if not run.is_success:
            raise SystemExit(f"{job}: run {run_id} ended as {run.status.value}")
        while any(map(_is_run, self.code_server.children())):
            time.sleep(0.1)
        [record] = self.instance.get_run_records(dg.RunsFilter(run_ids=[run_id]))
        wall = (record.end_time or 0) - record.create_timestamp.timestamp()
        return Cost(self._charged() - before, wall)

    def _charged(self) -> float:
        """Processor seconds of the code server's ended children."""
        times = self.code_server.cpu_times()
        return float(times.children_user + times.children_system)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5, help="after one to warm up")
    parser.add_argument("--markets", type=int, default=800, help="how many the exchange lists more")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # and nothing stays behind
    with _deployment(options.markets) as bench:
        for job in JOBS * 2:  # markets read and stored; everything imported and cached once
            bench.launch(job)
        rounds = []
        for number in range(options.rounds):
            rounds.append({job: bench.launch(job) for job in JOBS})
            _print(f"round {number + 1}", rounds[-1])
    medians = {
        job: Cost(
            statistics.median(costs[job].cpu for costs in rounds),
            statistics.median(costs[job].wall for costs in rounds),
        )
        for job in JOBS
    }
    _print("median", medians)
    snapshot, hello = (medians[job] for job in JOBS)
    ratios = snapshot.cpu / hello.cpu, snapshot.wall / hello.wall
    print(f"ratio: CPU {ratios[0]:.2f}, wall {ratios[1]:.2f}; at most {TARGET} is wanted")
    return 0 if max(ratios) <= TARGET else 1


@contextmanager
def _deployment(extra_markets: int) -> Iterator[Bench]:
    [account] = [a for a in read_deployment().accounts if a.name == "bybit"]
    names = account.environment
    # what is measured must not depend on whether this machine lets modules be compiled
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    with (
        tempfile.TemporaryDirectory(prefix="ap") as folder,
        embedded_server(Path(folder)) as server,
        serve(World(extra_markets=extra_markets)) as simulator,
    ):
        home = Path(folder)
        url = schema.ensure_database(server.url("postgres"), "bench")
        schema.migrate(url)
        os.environ |= {
            POSTGRES_URL: url,
            "DAGSTER_HOME": str(home),
            "DAGSTER_DISABLE_TELEMETRY": "1",
            names.api_key: DEMO_KEY,
            names.api_secret: DEMO_SECRET,
            names.api_url: simulator.url,
            names.testnet: "false",
        }
        children = Children(home)
        try:
            yield _start(children, home)
        finally:
            children.stop()


def _start(children: Children, home: Path) -> Bench:
    here = Path(__file__).parent
    settings = yaml.safe_load((here.parent / "dagster.yaml").read_text())
    # there is no daemon that takes runs from a queue: they start when they are submitted
    settings["run_coordinator"]["class"] = "DefaultRunCoordinator"
    del settings["run_coordinator"]["config"]
    (home / "dagster.yaml").write_text(yaml.safe_dump(settings))
    code_port, web_port = _free_port(), _free_port()
    location = {"host": "127.0.0.1", "port": code_port, "location_name": LOCATION}
    workspace = home / "workspace.yaml"
    workspace.write_text(yaml.safe_dump({"load_from": [{"grpc_server": location}]}))
    code = children.start(
        "code-server",
        ["dagster", "code-server", "start", "--host", "127.0.0.1", "--port", str(code_port),
         "--python-file", str(here / "hello.py"), "--location-name", LOCATION],
    )  # fmt: skip
    children.start(
        "webserver",
        ["dagster_webserver", "-h", "127.0.0.1", "-p", str(web_port), "-w", str(workspace)],
    )
    if not wait_until(lambda: location_loaded(f"http://127.0.0.1:{web_port}"), children, 120):
        raise SystemExit("\n".join(child.log_tail() for child in children.running))
    [grpc] = [p for p in psutil.Process(code.process.pid).children() if "grpc" in p.cmdline()]
    client = DagsterGraphQLClient("127.0.0.1", port_number=web_port)
    return Bench(client, dg.DagsterInstance.get(), grpc)


def _is_run(process: psutil.Process) -> bool:
    """A run's process, or one that has ended and is not charged to its parent yet."""
    try:
        return not any("resource_tracker" in part for part in process.cmdline())
    except psutil.ZombieProcess:
        return True
    except psutil.NoSuchProcess:
        return False


def _print(name: str, costs: dict[str, Cost]) -> None:
    cells = [
        f"{job}: CPU {cost.cpu:5.2f} s, wall {cost.wall:5.2f} s" for job, cost in costs.items()
    ]
    print(f"{name:<8} {'   '.join(cells)}", flush=True)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


if __name__ == "__main__":
    sys.exit(main())
