"""What the tests of syncing share."""

from collections.abc import Callable
from typing import Any

import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.exchange import ccxt_client


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """One attempt a request, for what will not mend itself."""
    monkeypatch.setattr(ccxt_client, "_MAX_ATTEMPTS", 1)


@pytest.fixture
def covered(db: Connection[TupleRow]) -> Callable[[], list[Any]]:
    """What coverage claims, whole."""

    def read() -> list[Any]:
        return db.execute(
            "SELECT dataset, stream, covered::text FROM alphapulse.coverage"
            " WHERE covered <> '{}' ORDER BY 1, 2"
        ).fetchall()

    return read
