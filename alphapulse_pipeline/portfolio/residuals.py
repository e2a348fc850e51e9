"""The differences that the histories do not explain, and the entries that may be to blame."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from psycopg import Connection
from psycopg.rows import TupleRow, dict_row

from alphapulse_pipeline.portfolio.queries import queries

_SQL = queries("residuals")

_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Residual:
    """A difference of one balance between two snapshots."""

    state: str
    account: str
    wallet: str
    asset: str
    opened_at: datetime
    closed_at: datetime
    residual: Decimal
    reason: str
    suspects: str

    @property
    def cells(self) -> tuple[object, ...]:
        return (
            *(self.state, self.account, self.wallet, self.asset, self.opened_at, self.closed_at),
            *(self.residual, self.reason, self.suspects),
        )

    def __str__(self) -> str:
        return (
            f"{self.account}: {self.asset} in the wallet {self.wallet} is off by "
            f"{self.residual:f} between {self.opened_at:%Y-%m-%d %H:%M:%S} and "
            f"{self.closed_at:%Y-%m-%d %H:%M:%S}: {self.reason}; look at {self.suspects}"
        )


@dataclass(frozen=True, slots=True)
class Found:
    """How many differences there are of each state, and the first that are no mere delay."""

    off: int
    unwitnessed: int
    pending: int
    rows: list[Residual]


def find(connection: Connection[TupleRow]) -> Found:
    """What does not add up, the worst and newest first."""
    counts: dict[str, int] = dict(connection.execute(_SQL.counts).fetchall())
    rows = []
    with connection.cursor(row_factory=dict_row) as cursor:
        worst = cursor.execute(_SQL.unexplained, {"shown": _SHOWN}).fetchall()
    for row in worst:
        suspects = connection.execute(_SQL.suspects, row).fetchall()
        told = "; ".join(
            f"{entry} of {amount:f} at {at:%Y-%m-%d %H:%M:%S}" for entry, amount, at in suspects
        )
        rows.append(Residual(**row, suspects=told or "no entry at all in this time"))
    return Found(counts.get("off", 0), counts.get("unwitnessed", 0), counts.get("pending", 0), rows)
