"""PostgreSQL's own client programs, which the package of the embedded server contains.

`pg_dump` refuses a server that is newer than itself, and distributions package older ones.
"""

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from alphapulse_pipeline.settings.errors import UserError
from alphapulse_pipeline.warehouse.connection import connect
from alphapulse_pipeline.warehouse.embedded import bundled_versions

_KEPT = ("PATH", "HOME", "TERM", "LANG", "LC_ALL", "LC_CTYPE", "PAGER", "EDITOR", "VISUAL")


class ClientVersion(UserError):
    """No bundled program fits the server."""


def program(name: str, url: str, *, same_version: bool = False) -> Path:
    """The program for the server of `url`: of its version, else a newer one.

    `same_version`: what a newer `pg_restore` writes, an older server may not understand. Raises
    `ClientVersion`.
    """
    with connect(url) as connection:
        server = connection.info.server_version // 10000
    versions = bundled_versions()
    newest = max(versions, default=0)
    if server not in versions and (same_version or newest < server):
        raise ClientVersion(
            f"the server is PostgreSQL {server}, and the bundled {name} is of version {newest}",
            f"use the {name} of version {server} that came with the server",
        )
    return versions.get(server, versions[newest]) / name


def run(program: Path, arguments: Sequence[str | Path], url: str = "") -> None:
    """Run it to its end, on the database of `url`. Raises `UserError` with what it wrote."""
    ended = subprocess.run(
        command(program, arguments, url),
        env=environment(url),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if ended.returncode:
        lines = ended.stderr.strip().splitlines() or [f"exit status {ended.returncode}"]
        raise UserError(lines[0], "correct this and try again")


def command(program: Path, arguments: Sequence[str | Path], url: str) -> list[str | Path]:
    """Without the password: other users of the machine see the arguments."""
    if not url:
        return [program, *arguments]
    parts = {**conninfo_to_dict(url), "password": None}
    return [program, f"--dbname={make_conninfo('', **parts)}", *arguments]


def environment(url: str) -> Mapping[str, str]:
    """What a client needs: not the API keys, which `.env` has put into ours."""
    kept = {name: value for name in _KEPT if (value := os.environ.get(name))}
    password = (conninfo_to_dict(url).get("password") if url else None) or os.environ.get(
        "PGPASSWORD"
    )
    return kept | ({"PGPASSWORD": str(password)} if password else {})
