"""Fixtures of the sync tests."""

from collections.abc import Callable
from typing import Any

import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.exchange import ccxt_client


@pytest.fixture
def single_attempt(monkeypatch: pytest.MonkeyPatch) -> None:
    """One attempt per request, for failures that do not go away."""
    monkeypatch.setattr(ccxt_client, "_MAX_ATTEMPTS", 1)


@pytest.fixture
def covered(db: Connection[TupleRow]) -> Callable[[], list[Any]]:
    """All covered ranges."""

    def read() -> list[Any]:
        return db.execute(
            "SELECT dataset, stream, covered::text FROM alphapulse.coverage"
            " WHERE covered <> '{}' ORDER BY 1, 2"
        ).fetchall()

    return read
