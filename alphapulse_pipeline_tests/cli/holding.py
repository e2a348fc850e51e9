"""A home whose demo has an invented portfolio."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alphapulse_pipeline.warehouse import schema
from alphapulse_pipeline.warehouse.connection import connect
from alphapulse_pipeline.warehouse.embedded import embedded_server
from alphapulse_pipeline_tests.portfolio import example


@contextmanager
def holding(*, full: bool) -> Iterator[Path]:
    """The home, its database running; not `full`: the tables are there, and empty."""
    # a short path, because a unix socket's may have about a hundred characters
    with tempfile.TemporaryDirectory(prefix="ap") as folder:
        home = Path(folder) / "home"
        with embedded_server(home) as server:
            url = schema.ensure_database(server.url("postgres"), "alphapulse_demo")
            schema.migrate(url)
            if full:
                with connect(url) as connection:
                    example.fill(connection)
            yield home
