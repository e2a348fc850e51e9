"""The portfolio in two sentences."""

from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.portfolio import residuals
from alphapulse_pipeline.portfolio.currency import currency
from alphapulse_pipeline.portfolio.numbers import listed, money, percent
from alphapulse_pipeline.portfolio.queries import queries

_SQL = queries("value")


def summary(connection: Connection[TupleRow]) -> list[str]:
    """What it is worth and how sure that is; whether it adds up. Nothing where nothing is known."""
    told = []
    if row := connection.execute(_SQL.total).fetchone():
        at, value, certainty, doubt, carried, unpriced = row
        told.append(
            f"worth {money(value)} {currency(connection)} at {at:%Y-%m-%d %H:%M:%S}, "
            f"{percent(certainty)} sure: give or take {money(doubt)}"
            + (f"; {money(carried)} of it is what failed accounts last said" if carried else "")
            + (f"; not counted, without a price: {listed(unpriced)}" if unpriced else "")
        )
    found = residuals.find(connection)
    if found.off or found.unwitnessed or found.pending:
        told.append(
            f"differences between balances and histories: {found.off} off, "
            f"{found.unwitnessed} unwitnessed, {found.pending} pending"
            + (f"; {found.rows[0]}" if found.rows else "")
        )
    elif connection.execute("SELECT true FROM portfolio.reconciliation LIMIT 1").fetchone():
        told.append("every balance is explained by its history")
    elif told:
        told.append("nothing is reconciled yet: that takes two snapshots of the balances")
    return told
