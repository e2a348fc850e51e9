"""Unexplained differences between balances, or positions, and the histories, and the entries likely
behind them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from psycopg import Connection
from psycopg.rows import TupleRow, dict_row

from alphapulse_pipeline.portfolio import rereads
from alphapulse_pipeline.portfolio.queries import queries

_SQL = queries("residuals")
_SHOWN = 20
EVERYTHING: Mapping[str, object] = {"account": "", "since": "-infinity", "until": "infinity"}
"""All accounts, and all of the time."""


@dataclass(frozen=True, slots=True)
class Residual:
    """An unexplained difference of one balance, or of one position, between two snapshots."""

    state: str
    account: str
    wallet: str
    asset: str
    market: str
    """Of a position, which has no wallet and no asset."""
    opened_at: datetime
    closed_at: datetime
    residual: Decimal
    reason: str
    suspects: str
    search: str
    """What became of the search for the missing entry; empty if there was none."""

    @property
    def held(self) -> str:
        """Which balance or position it is."""
        if self.market:
            return f"the position in {self.market}"
        return f"{self.asset} in wallet {self.wallet}"

    @property
    def cells(self) -> tuple[object, ...]:
        return (
            self.state,
            self.account,
            self.held,
            self.opened_at,
            self.closed_at,
            self.residual,
            self.reason,
            self.suspects,
            self.search,
        )

    def __str__(self) -> str:
        return (
            f"{self.account}: {self.held} is off by {self.residual:f} "
            f"between {self.opened_at:%Y-%m-%d %H:%M:%S} and {self.closed_at:%Y-%m-%d %H:%M:%S} "
            f"({self.reason}); check {self.suspects}" + (f"; {self.search}" if self.search else "")
        )


@dataclass(frozen=True, slots=True)
class Residuals:
    """How many differences are in each state, and the first breaks and unverifiable ones."""

    breaks: int
    unverifiable: int
    pending: int
    rows: list[Residual]

    @property
    def counts(self) -> dict[str, int]:
        return {
            "breaks": self.breaks,
            "unverifiable": self.unverifiable,
            "pending": self.pending,
        }


def find(
    connection: Connection[TupleRow], scope: Mapping[str, object] = EVERYTHING, of: str = ""
) -> Residuals:
    """The unexplained differences of an account ('' is all) that closed since a time and before
    another: breaks first, newest first. `of`: in which table; '' is those of balances and of
    positions."""
    rows = []
    asked = {**scope, "of": of, "shown": _SHOWN}
    with connection.cursor(row_factory=dict_row) as cursor:
        unexplained = cursor.execute(_SQL.unexplained, asked).fetchall()
    for row in unexplained:
        query = _SQL.position_suspects if row["market"] else _SQL.suspects
        suspects = connection.execute(query, row).fetchall()
        named = "; ".join(
            f"{entry} of {amount:f} at {at:%Y-%m-%d %H:%M:%S}" for entry, amount, at in suspects
        )
        likely = named or "the histories: they have no entry then"
        rows.append(Residual(**row, suspects=likely, search=rereads.became(connection, row)))
    return Residuals(**count(connection, scope, of), rows=rows)


def count(
    connection: Connection[TupleRow], scope: Mapping[str, object] = EVERYTHING, of: str = ""
) -> dict[str, int]:
    """The number of breaks, unverifiable and pending differences."""
    found: dict[str, int] = dict(connection.execute(_SQL.counts, {**scope, "of": of}).fetchall())
    return {
        "breaks": found.get("break", 0),
        "unverifiable": found.get("unverifiable", 0),
        "pending": found.get("pending", 0),
    }
