"""SQL statements that are too long to stand in Python: the files of `sql/queries`."""

from functools import cache
from pathlib import Path

_DIRECTORY = Path(__file__).parent / "sql" / "queries"


@cache
def query(name: str) -> bytes:
    """The statement in `sql/queries/<name>.sql`, with psycopg's placeholders."""
    return (_DIRECTORY / f"{name}.sql").read_bytes()
