"""Prices of what is held on which two sources disagree, as sentences."""

from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.portfolio.currency import currency
from alphapulse_pipeline.portfolio.numbers import money, rounded
from alphapulse_pipeline.portfolio.queries import queries

_SQL = queries("value")


def disputes(connection: Connection[TupleRow], account: str = "") -> list[str]:
    """A sentence for each asset with both sources, both prices, and the difference in value, which
    is the largest first; of all accounts if none is given."""
    unit = currency(connection)
    return [
        f"two prices for {asset}: {rounded(price)} {unit} ({source}), "
        f"{rounded(other_price)} {unit} ({other_source}); "
        f"the value differs by {money(difference)} {unit}"
        for asset, price, source, other_price, other_source, difference in connection.execute(
            _SQL.disputes, {"account": account}
        ).fetchall()
    ]
