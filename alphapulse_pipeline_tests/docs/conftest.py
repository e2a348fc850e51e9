"""A deployment to run the documents' commands in: real accounts and the demo, without a network."""

import os
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from alphapulse_pipeline.settings.environment import HOME, POSTGRES_URL
from alphapulse_pipeline.warehouse import schema
from alphapulse_pipeline.warehouse.connection import connect
from alphapulse_pipeline.warehouse.embedded import EmbeddedServer, embedded_server
from alphapulse_pipeline_tests.docs.markdown import ROOT
from alphapulse_pipeline_tests.portfolio import example
from exchange_simulator import DEMO_KEY, DEMO_SECRET, World, serve

# `uv run x` runs x of this environment: uv itself would sync it while other tests use it. The slow
# commands run once, with the first options given; a sync reads the balances only. Whole histories
# have tests of their own.
_UV = """\
#!/bin/bash
[ "$1" = run ] || {{ echo "only uv run is run here, not: uv $*" >&2; exit 2; }}
shift
case "$1 $2" in
    "alphapulse sync" | "alphapulse doctor")
        [ -e "{done}/$2" ] && exit 0
        touch "{done}/$2" ;;
esac
[ "$1 $2" = "alphapulse sync" ] && set -- "$@" --dataset balances
program=$1
shift
exec "{bin}/$program" "$@"
"""
_SYNCED = """
INSERT INTO alphapulse.datasets (account, dataset, exchange, supported)
VALUES ('bybit', 'transfers', 'bybit', true);
INSERT INTO alphapulse.streams (account, dataset, stream, first_seen, source, wanted)
VALUES ('bybit', 'transfers', 'deposits', now(), 'feed', '[2025-01-01, 2026-01-01)');
"""


@dataclass(frozen=True)
class Deployment:
    """A home whose server runs, and a working directory with `.env`."""

    server: EmbeddedServer
    directory: Path
    environment: dict[str, str]

    @property
    def url(self) -> str:
        return self.server.url("alphapulse")

    def migrate(self) -> None:
        """What the next `up` does after a restore, or after the demo was removed."""
        for name in ("alphapulse", "alphapulse_demo"):
            schema.migrate(schema.ensure_database(self.server.url("postgres"), name))


@pytest.fixture(scope="module")
def deployed() -> Iterator[Deployment]:
    """The databases of a real account, with an invented portfolio, and of the demo, without."""
    # a short path, because a unix socket's may have about a hundred characters
    with (
        tempfile.TemporaryDirectory(prefix="ap") as folder,
        serve(World()) as simulator,
        embedded_server(Path(folder) / "home") as server,
    ):
        for name in ("alphapulse", "alphapulse_demo"):
            schema.migrate(schema.ensure_database(server.url("postgres"), name))
        with connect(server.url("alphapulse")) as connection:
            example.fill(connection)
            connection.execute(_SYNCED)
        directory = Path(folder) / "project"
        directory.mkdir()
        dotenv = directory / ".env"
        dotenv.write_text(
            f"BYBIT_API_KEY={DEMO_KEY}\nBYBIT_API_SECRET={DEMO_SECRET}\n"
            f"BYBIT_API_URL={simulator.url}\n"
        )
        dotenv.chmod(0o600)
        (directory / "examples").symlink_to(ROOT / "examples")
        shims = Path(folder) / "bin"
        shims.mkdir()
        (shims / "uv").write_text(_UV.format(bin=Path(sys.executable).parent, done=shims))
        (shims / "uv").chmod(0o755)
        kept = {name: value for name, value in os.environ.items() if name != POSTGRES_URL}
        yield Deployment(
            server,
            directory,
            kept
            | {
                HOME: str(Path(folder) / "home"),
                "PATH": f"{shims}:{os.environ['PATH']}",
                "COLUMNS": "200",
                "NEW_KEY": DEMO_KEY,
                "NEW_SECRET": DEMO_SECRET,
            },
        )
