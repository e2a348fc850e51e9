"""The SQL of the derived tables, read from the files under `sql/`.

A file holds named queries, each with a line that says what it does:

    -- windows --
    -- Pairs of snapshots whose history is new, changed or deleted since the last refresh.
    CREATE TEMP TABLE windows AS ...;

`queries("reconciliation").windows` is that statement. Parameters are psycopg's `%(name)s`; a
statement that takes any writes other percent signs twice.
"""

import re
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent / "sql"
_HEADER = re.compile(r"^-- (\w+) --\n((?:-- .*\n)+)", re.MULTILINE)


class Queries:
    """The statements of one file, as attributes."""

    def __init__(self, path: Path) -> None:
        self._path = path
        _, *parts = _HEADER.split(path.read_text(encoding="utf-8"))
        names, statements = parts[::3], parts[2::3]
        if len(set(names)) < len(names):
            raise ValueError(f"{path.name} names two queries alike: {', '.join(names)}")
        self._statements = {
            name: statement.strip().removesuffix(";").encode()
            for name, statement in zip(names, statements, strict=True)
        }

    def __getattr__(self, name: str) -> bytes:
        try:
            return self._statements[name]
        except KeyError:
            known = ", ".join(self._statements)
            raise AttributeError(f"{self._path.name} has no query {name}, only {known}") from None


@cache
def queries(name: str) -> Queries:
    """The statements of `sql/<name>.sql`."""
    return Queries(FOLDER / f"{name}.sql")
