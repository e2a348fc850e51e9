"""What moves with each asset: balances and positions together, with and without their signs.

A linear contract moves like its base, an inverse one like the base that its dollars buy at the mark
price. Options count with their whole notional, calls sold and puts bought as short: how much of it
they move with (their delta) is not known, so that this is the most it can be. What positions have
won or lost counts to what an account is worth, not to what it is exposed to.
"""

from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.portfolio.derived import Figures
from alphapulse_pipeline.portfolio.refresh import refreshing
from alphapulse_pipeline.settings.portfolio import PortfolioSettings

NAME = "exposure"

_MADE = """
WITH positions AS (
    SELECT p.account, names.base AS asset,
           CASE (p.side = 'short') <> (p.market ~ '-P$') WHEN true THEN -1 ELSE 1 END
           * p.contracts * coalesce(p.contract_size, m.contract_size)
           / CASE WHEN p.market !~ '-[CP]$' AND names.settle = names.base
                  THEN nullif(p.mark_price, 0) ELSE 1 END AS amount,
           abs(p.mark_price - p.liquidation_price) / nullif(p.mark_price, 0) AS distance
    FROM alphapulse.positions_latest AS p
    JOIN alphapulse.datasets AS d
        ON d.account = p.account AND d.dataset = 'positions' AND d.deployed
    LEFT JOIN alphapulse.markets AS m ON m.account = p.account AND m.market = p.market
    CROSS JOIN LATERAL (
        SELECT split_part(p.market, '/', 1) AS base,
               split_part(split_part(p.market, ':', 2), '-', 1) AS settle
    ) AS names
), parts AS (
    SELECT account, asset, sum(amount) AS amount, NULL::numeric AS distance
    FROM portfolio.held WHERE kind IN ('balance', 'debt') GROUP BY account, wallet, asset
    UNION ALL
    SELECT account, asset, amount, distance FROM positions
), whose AS (
    SELECT * FROM parts UNION ALL SELECT '', asset, amount, distance FROM parts
), assets AS (
    SELECT account, asset,
           CASE WHEN bool_or(amount IS NULL) THEN NULL ELSE sum(amount) END AS net,
           CASE WHEN bool_or(amount IS NULL) THEN NULL ELSE sum(abs(amount)) END AS gross,
           min(distance) AS distance
    FROM whose GROUP BY account, asset
), valued AS (
    SELECT account, asset, net, gross, net * price AS net_value, gross * price AS gross_value,
           distance
    FROM assets LEFT JOIN portfolio.prices_latest USING (asset)
), accounts AS (
    SELECT account, sum(net_value) AS net_value, sum(gross_value) AS gross_value,
           min(distance) AS distance
    FROM valued GROUP BY account
), equity AS (
    SELECT coalesce(account, '') AS account, nullif(greatest(sum(value), 0), 0) AS value
    FROM portfolio.holdings GROUP BY ROLLUP (account)
)
INSERT INTO portfolio.exposure (account, asset, net, gross, net_value, gross_value, share,
    leverage, liquidation_distance)
SELECT v.account, v.asset, v.net, v.gross, v.net_value, v.gross_value,
       v.gross_value / nullif(accounts.gross_value, 0), v.gross_value / equity.value, v.distance
FROM valued AS v JOIN accounts USING (account) LEFT JOIN equity USING (account)
UNION ALL
SELECT account, '', NULL, NULL, net_value, gross_value, 1, gross_value / equity.value, distance
FROM accounts LEFT JOIN equity USING (account)
"""

_FIGURES = """
SELECT leverage, liquidation_distance FROM portfolio.exposure WHERE account = '' AND asset = ''
"""


def refresh(connection: Connection[TupleRow], settings: PortfolioSettings) -> Figures:
    """How many exposures there are, the leverage of all, and how near a liquidation is."""
    with refreshing(connection, NAME):
        connection.execute("DELETE FROM portfolio.exposure")
        rows = connection.execute(_MADE).rowcount
        found = connection.execute(_FIGURES).fetchone()
    leverage, distance = found or (None, None)
    told = {"leverage": leverage, "distance to liquidation": distance}
    return {"exposures": rows, **{name: value for name, value in told.items() if value is not None}}
