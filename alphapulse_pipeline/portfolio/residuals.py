"""The differences that the histories do not explain, and the entries that may be to blame."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from psycopg import Connection
from psycopg.rows import TupleRow, dict_row

_SHOWN = 20

_COUNTS = """
SELECT state, count(*) FROM portfolio.reconciliation WHERE state <> 'zero' GROUP BY state
"""

_OPEN = """
SELECT state, account, wallet, asset, opened_at, closed_at, residual, reason
FROM portfolio.reconciliation WHERE state IN ('off', 'unwitnessed')
ORDER BY state <> 'off', closed_at DESC, account, wallet, asset LIMIT %(shown)s
"""

# What the ledger booked of exactly this amount, and no history tells; what the histories tell of
# this amount, or of its double, as of a wrong sign; then whatever is nearest to it.
_SUSPECTS = """
WITH entries AS (
    SELECT 'ledger ' || kind || ' ' || entry_id AS entry, amount, happened_at,
           amount = %(residual)s AS exact
    FROM alphapulse.ledger
    WHERE account = %(account)s AND wallet = %(wallet)s AND asset = %(asset)s AND repeats <> ''
      AND happened_at > %(opened_at)s AND happened_at <= %(closed_at)s
    UNION ALL
    SELECT dataset || ' ' || entry, amount, happened_at,
           amount = -%(residual)s OR 2 * amount = -%(residual)s
    FROM portfolio.movements
    WHERE account = %(account)s AND wallet = %(wallet)s AND asset = %(asset)s
      AND happened_at > %(opened_at)s AND happened_at <= %(closed_at)s
)
SELECT entry, amount, happened_at FROM entries
ORDER BY NOT exact, abs(abs(amount) - abs(%(residual)s)), happened_at LIMIT 3
"""


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
    counts: dict[str, int] = dict(connection.execute(_COUNTS).fetchall())
    rows = []
    with connection.cursor(row_factory=dict_row) as cursor:
        worst = cursor.execute(_OPEN, {"shown": _SHOWN}).fetchall()
    for row in worst:
        suspects = connection.execute(_SUSPECTS, row).fetchall()
        told = "; ".join(
            f"{entry} of {amount:f} at {at:%Y-%m-%d %H:%M:%S}" for entry, amount, at in suspects
        )
        rows.append(Residual(**row, suspects=told or "no entry at all in this time"))
    return Found(counts.get("off", 0), counts.get("unwitnessed", 0), counts.get("pending", 0), rows)
