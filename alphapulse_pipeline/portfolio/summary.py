"""The portfolio in three sentences."""

from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.portfolio import finality, rereads, residuals
from alphapulse_pipeline.portfolio.currency import currency
from alphapulse_pipeline.portfolio.disputes import disputes
from alphapulse_pipeline.portfolio.numbers import listed, money, percent
from alphapulse_pipeline.portfolio.queries import queries

_SQL = queries("value")
_EVER = {"account": "", "since": "-infinity", "until": "infinity"}
_EXPLAINED = 3
"""How many differences that a second reading explained are shown."""


def summary(connection: Connection[TupleRow]) -> list[str]:
    """The total value with its uncertainty and the prices in dispute, the realized profit and how
    much of it is final, and whether the balances reconcile, with the missing rows that were found;
    empty if nothing is derived yet."""
    lines = []
    if row := connection.execute(_SQL.newest).fetchone():
        at, value, confidence, uncertainty, carried, _, _, unpriced, _ = row
        lines.append(
            f"Total value {money(value)} {currency(connection)} (confidence of the prices "
            f"{percent(confidence)}, ± {money(uncertainty)}) at {at:%Y-%m-%d %H:%M:%S} UTC"
            + (f"; {money(carried)} of it is carried from failed accounts" if carried else "")
            + (f"; not included, no price: {listed(unpriced)}" if unpriced else "")
        )
    lines += disputes(connection)
    earned = finality.realized(connection, _EVER)
    if earned and earned.pnl is not None:
        lines.append(f"Realized profit {money(earned.pnl)} {currency(connection)}: {earned}")
    found = residuals.find(connection)
    if any(found.counts.values()):
        lines.append(
            f"differences between balances or positions and the histories: {found.breaks} "
            f"{'break' if found.breaks == 1 else 'breaks'}, {found.unverifiable} unverifiable, "
            f"{found.pending} pending" + (f"; {found.rows[0]}" if found.rows else "")
        )
    elif connection.execute("SELECT true FROM portfolio.reconciliation LIMIT 1").fetchone():
        lines.append("every balance and position reconciles with its history")
    elif lines:
        lines.append("nothing to reconcile yet: that takes another snapshot, by the next sync")
    lines += map(str, rereads.explained(connection, most=_EXPLAINED))
    return lines


def first_values(connection: Connection[TupleRow]) -> list[str]:
    """A line for each account with balances: what it holds, and what that is worth now."""
    unit = currency(connection)
    return [
        f"{account} "
        + (f"is worth {money(value)} {unit} and " if value is not None else "")
        + f"holds {listed(assets)}"
        for account, assets, value in connection.execute(_SQL.by_account).fetchall()
    ]
