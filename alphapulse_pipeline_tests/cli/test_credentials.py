"""Credentials in `.env`, with real processes: the next run takes new ones, and none is shown."""

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from dagster_graphql import DagsterGraphQLClient

from alphapulse_pipeline.warehouse.embedded import EmbeddedServer
from alphapulse_pipeline_tests.cli.running import Deployment, command_line, deployment, left, run
from alphapulse_pipeline_tests.components.test_runs import dump
from alphapulse_pipeline_tests.echo import Gateway, gateway, refusal, unknown_error
from exchange_simulator import Key, World, serve

KEY, NEW_KEY = "recognisable-key-4711", "recognisable-key-4712"
SECRET, WRONG_SECRET = "recognisable-secret-0815", "recognisable-wrong-secret"
UI = """{
  instance { info }
  topLevelResourceDetailsOrError(resourceSelector: {
    resourceName: "bybit"
    repositoryName: "__repository__", repositoryLocationName: "alphapulse_pipeline"
  }) { ... on ResourceDetails {
    name description configFields { name } configuredValues { value }
  } }
}"""


@pytest.fixture
def home() -> Iterator[Path]:
    # a short path, because a unix socket's may have about a hundred characters
    with tempfile.TemporaryDirectory(prefix="ap") as folder:
        yield Path(folder) / "home"


@pytest.fixture
def exchange() -> Iterator[Gateway]:
    with (
        serve(World(), keys=[Key(NEW_KEY, SECRET)]) as simulator,
        gateway(simulator.url) as made,
    ):
        yield made


def write_env(home: Path, key: str, secret: str, exchange: Gateway) -> None:
    file = home.with_name(".env")
    file.touch(0o600)
    file.write_text(
        f"BYBIT_API_KEY={key}\nBYBIT_API_SECRET={secret}\nBYBIT_API_URL={exchange.url}\n"
    )


def shown_by(deployed: Deployment) -> dict[str, str]:
    """All that a person can see of a deployment from outside."""
    server = EmbeddedServer(deployed.home / "postgres" / "socket")
    with psycopg.connect(server.url("alphapulse"), autocommit=True) as db:
        tables = dump(db)
    found = {"tables": tables, "up": deployed.printed, "ui": json.dumps(deployed.graphql(UI))}
    found |= {"ps": " ".join(map(command_line, left(deployed.home)))}
    files = [p for p in deployed.home.rglob("*") if p.is_file() and "data" not in p.parts]
    return found | {str(path): path.read_text(errors="replace") for path in files}


@pytest.mark.nightly
def test_the_next_run_takes_new_credentials_and_none_is_shown(
    home: Path, exchange: Gateway
) -> None:
    write_env(home, KEY, WRONG_SECRET, exchange)
    exchange.trouble = unknown_error
    home.with_name(".env").chmod(0o644)
    refused = run(home, "sync", "bybit", "--dataset", "balances", "--json")
    assert refused.returncode == 1, refused.stderr
    assert "other users of this machine can read .env; run: chmod 600 .env" in refused.stderr
    assert exchange.repeated
    home.with_name(".env").chmod(0o600)
    exchange.trouble = refusal
    with deployment(home, demo=False) as deployed:
        # the first run of each job: a good key would keep those of the histories busy for minutes
        deployed.wait_for_rows(
            "SELECT FROM runs WHERE status = 'FAILURE' HAVING count(DISTINCT pipeline_name) = 3",
            seconds=90,
        )
        assert deployed.rows("SELECT FROM alphapulse.circuit WHERE state = 'open'")
        exchange.trouble = None
        write_env(home, NEW_KEY, SECRET, exchange)
        client = DagsterGraphQLClient("127.0.0.1", port_number=deployed.port)
        taken = client.submit_job_execution("bybit_snapshot")
        [(status,)] = deployed.wait_for_rows(
            "SELECT status FROM runs WHERE run_id = %s AND status IN ('SUCCESS', 'FAILURE')",
            taken,
            seconds=120,
        )
        log = "SELECT dataset, status, error FROM alphapulse.sync_log WHERE run_id = %s"
        assert status == "SUCCESS", deployed.rows(log, taken)
        printed = [
            run(home, *arguments)
            for arguments in (["status", "--json"], ["sql", "select * from circuit", "--json"])
        ]
        shown = shown_by(deployed)
    assert "BYBIT_API_SECRET" in shown["ui"]
    assert "recognisable" not in json.dumps([p.stdout + p.stderr for p in [refused, *printed]])
    for place, text in (shown | {"up at its end": deployed.printed}).items():
        for secret in ("recognisable", *exchange.signatures):
            found = text.find(secret)
            assert found < 0, (place, text[max(found - 300, 0) : found + 100])
