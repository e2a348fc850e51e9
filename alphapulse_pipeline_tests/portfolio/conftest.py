"""A portfolio that was lived in."""

import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline_tests.portfolio import example


@pytest.fixture
def held(db: Connection[TupleRow]) -> Connection[TupleRow]:
    """A database with an invented portfolio of two accounts."""
    example.fill(db)
    return db
