"""Dagster's web server behind our guard: `python -m alphapulse_pipeline.cli.web HOSTS ...`.

`HOSTS` are comma-separated names; what follows are the arguments of `dagster-webserver`. Dagster
has no setting for middleware, but serves its application with `uvicorn.run`.
"""

import sys
from contextlib import closing
from typing import Any

import uvicorn
from dagster_webserver.cli import cli
from sqlalchemy import event
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.pool import Pool

from alphapulse_pipeline.cli.web_guard import WebGuard


def require_open(connection: Any, *_: object) -> None:
    """Let the pool replace a connection that the database has closed, e.g. when it was restarted.

    Otherwise the first answers after that would be errors.
    """
    try:
        with closing(connection.cursor()) as cursor:
            cursor.execute("SELECT 1")
    except connection.Error as error:
        raise DisconnectionError from error


def main() -> None:
    hosts = sys.argv.pop(1).split(",")
    serve = uvicorn.run

    def serve_guarded(app: Any, **settings: Any) -> None:
        serve(WebGuard(app, hosts), **settings)

    uvicorn.run = serve_guarded
    # Dagster has no setting for SQLAlchemy's `pool_pre_ping`
    event.listen(Pool, "checkout", require_open)
    cli(auto_envvar_prefix="DAGSTER_WEBSERVER")


if __name__ == "__main__":
    main()
