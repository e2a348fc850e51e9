"""Dagster's web server behind our guard: `python -m alphapulse_pipeline.cli.web HOSTS ...`.

`HOSTS` are comma-separated names; what follows are the arguments of `dagster-webserver`. Dagster
has no setting for middleware, but serves its application with `uvicorn.run`.
"""

import sys
from typing import Any

import uvicorn
from dagster_webserver.cli import cli

from alphapulse_pipeline.cli.web_guard import WebGuard


def main() -> None:
    hosts = sys.argv.pop(1).split(",")
    serve = uvicorn.run

    def serve_guarded(app: Any, **settings: Any) -> None:
        serve(WebGuard(app, hosts), **settings)

    uvicorn.run = serve_guarded
    cli(auto_envvar_prefix="DAGSTER_WEBSERVER")


if __name__ == "__main__":
    main()
