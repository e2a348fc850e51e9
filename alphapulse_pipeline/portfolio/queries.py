"""The SQL of the derived tables, read from the files under `sql/`: see `warehouse.queries`."""

from functools import cache
from pathlib import Path

from alphapulse_pipeline.warehouse.queries import Queries

FOLDER = Path(__file__).parent / "sql"


@cache
def queries(name: str) -> Queries:
    """The statements of `sql/<name>.sql`."""
    return Queries(FOLDER / f"{name}.sql")
