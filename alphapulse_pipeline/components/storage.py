"""Dagster's storage in the same PostgreSQL as the data, connected only when it is used.

Dagster's own class connects, and requires its variable, as soon as it reads `dagster.yaml`. With
this one `dg check defs` and `dg list defs` work in a fresh clone without a database.
"""

import os
from collections.abc import Mapping, Set
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

from dagster_postgres import DagsterPostgresStorage, PostgresRunStorage

from alphapulse_pipeline.settings.environment import POSTGRES_URL
from alphapulse_pipeline.warehouse.connection import KEEPALIVES, SERVER_KEEPALIVES, connect

_NOWHERE = f"postgresql://{POSTGRES_URL}-is-not-set.invalid/alphapulse"


class PostgresStorage(DagsterPostgresStorage):  # type: ignore[misc]
    """Runs, events and schedules in the schema `public` of `ALPHAPULSE_POSTGRES_URL`."""

    @classmethod
    def config_type(cls) -> dict[str, Any]:
        return {}

    @classmethod
    def from_config_value(cls, inst_data: Any, config_value: Any) -> "PostgresStorage":
        if url := os.environ.get(POSTGRES_URL):
            # Web server, daemon and code server start at once, and Dagster does not prevent two of
            # them from creating its tables at the same time.
            with connect(url) as connection:
                connection.execute("SELECT pg_advisory_lock(hashtextextended(%s, 0))", [__name__])
                return cls(_with_options(url), inst_data=inst_data)
        storage = cls(_NOWHERE, should_autocreate_tables=False, inst_data=inst_data)
        storage._run_storage = _NoRuns(_NOWHERE, should_autocreate_tables=False)
        return storage


def _with_options(url: str) -> str:
    """The same database, with settings for Dagster's connections.

    * `search_path=public`: the default search path begins with a schema of the role's name, so a
      role named `alphapulse` would find our tables instead of Dagster's.
    * `synchronous_commit=off`: a run writes some forty events one by one. A power cut may cost the
      last half second of them, never the data: they are written through other connections.
    * Keepalives, as our own connections have.
    """
    base, _, query = url.partition("?")
    values = parse_qsl(query, keep_blank_values=True)
    given = [value for name, value in values if name == "options"]
    options = ["-csynchronous_commit=off", SERVER_KEEPALIVES, *given, "-csearch_path=public"]
    settings = {**KEEPALIVES, **dict(values), "options": " ".join(options)}
    return f"{base}?{urlencode(settings, quote_via=quote)}"


class _NoRuns(PostgresRunStorage):  # type: ignore[misc]
    """Without a database: answers the one query that loading definitions makes."""

    def get_cursor_values(self, keys: Set[str]) -> Mapping[str, str]:
        return {}
