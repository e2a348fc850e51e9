"""What is held now and what it is worth: the newest snapshots at the newest prices.

A balance does not count what open positions have won or lost, which stands beside it. The table is
made anew each time: it is as small as what is held.
"""

from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.portfolio.derived import Figures
from alphapulse_pipeline.portfolio.refresh import refreshing
from alphapulse_pipeline.settings.portfolio import PortfolioSettings

NAME = "holdings"

_MADE = """
INSERT INTO portfolio.holdings
    (account, wallet, asset, kind, amount, price, priced_at, value, share, captured_at)
SELECT account, wallet, asset, kind, amount, price, priced_at, value,
       value / nullif(greatest(sum(value) OVER (), 0), 0), captured_at
FROM (
    SELECT held.*, newest.price, newest.evidence_at AS priced_at, amount * newest.price AS value
    FROM portfolio.held LEFT JOIN portfolio.prices_latest AS newest USING (asset)
) AS valued
"""

_FIGURES = """
SELECT count(*), coalesce(sum(value), 0), count(*) FILTER (WHERE value IS NULL)
FROM portfolio.holdings
"""


def refresh(connection: Connection[TupleRow], settings: PortfolioSettings) -> Figures:
    """How many things are held, what they are worth together, and how many have no value."""
    with refreshing(connection, NAME):
        connection.execute("DELETE FROM portfolio.holdings")
        connection.execute(_MADE)
        row = connection.execute(_FIGURES).fetchone()
    if row is None:
        raise AssertionError("a row is always answered")
    held, value, unpriced = row
    return {"held": held, f"value ({settings.currency})": value, "unpriced": unpriced}
