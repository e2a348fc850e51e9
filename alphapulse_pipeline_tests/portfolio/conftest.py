"""Accounts in the tables, without an exchange."""

import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline_tests.portfolio.accounts import Accounts


@pytest.fixture
def accounts(db: Connection[TupleRow]) -> Accounts:
    return Accounts(db)
