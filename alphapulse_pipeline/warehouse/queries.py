"""Loads the named SQL statements of this package from `sql/queries/*.sql`.

Each statement has a name and a comment that says what it does:

    -- gaps --
    -- The gaps of all streams within a range, newest first.
    SELECT ...;

`queries("history_state").gaps` returns that statement. Parameters are psycopg's `%(name)s`; in a
statement that takes parameters, a literal percent sign is written `%%`. `{name}` is an identifier
that the caller fills in with `psycopg.sql`; there, a literal brace is doubled.
"""

import re
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent / "sql" / "queries"
_HEADER = re.compile(r"^-- (\w+) --\n((?:-- .*\n)+)", re.MULTILINE)


class Queries:
    """The statements of one file, as attributes."""

    def __init__(self, path: Path) -> None:
        self._path = path
        _, *parts = _HEADER.split(path.read_text(encoding="utf-8"))
        names, statements = parts[::3], parts[2::3]
        if len(set(names)) < len(names):
            raise ValueError(f"{path.name} has two queries of the same name: {', '.join(names)}")
        self._statements = {
            name: statement.strip().removesuffix(";").encode()
            for name, statement in zip(names, statements, strict=True)
        }

    def __getattr__(self, name: str) -> bytes:
        try:
            return self._statements[name]
        except KeyError:
            existing = ", ".join(self._statements)
            raise AttributeError(
                f"{self._path.name} has no query {name}, only {existing}"
            ) from None


@cache
def queries(name: str) -> Queries:
    """The statements of `sql/queries/<name>.sql`."""
    return Queries(FOLDER / f"{name}.sql")
