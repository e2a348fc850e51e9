-- traded_markets --
-- Markets with a row, found by stepping through the key from one market to the next.
WITH RECURSIVE step AS (
    (
        SELECT market FROM {table}
        WHERE account = %(account)s
        ORDER BY market LIMIT 1
    )
    UNION ALL
    SELECT (
        SELECT t.market FROM {table} AS t
        WHERE t.account = %(account)s AND t.market > step.market
        ORDER BY t.market LIMIT 1
    )
    FROM step
    WHERE step.market IS NOT NULL
)

SELECT market FROM step
WHERE market IS NOT NULL;

-- ever_held --
-- The assets of all balances and of the rows that move balances.
SELECT asset FROM alphapulse.balances
WHERE account = %(account)s
UNION
SELECT asset FROM alphapulse.transfers
WHERE account = %(account)s
UNION
SELECT asset FROM alphapulse.ledger
WHERE account = %(account)s
UNION
SELECT asset FROM alphapulse.funding
WHERE account = %(account)s
UNION
SELECT unnest(ARRAY[from_asset, to_asset]) FROM alphapulse.conversions
WHERE account = %(account)s
UNION
SELECT unnest(ARRAY[m.base, m.quote, t.fee_currency])
FROM (
    SELECT DISTINCT market, fee_currency FROM alphapulse.trades
    WHERE account = %(account)s
) AS t
INNER JOIN alphapulse.markets AS m ON m.account = %(account)s AND m.market = t.market
WHERE m.type = 'spot';

-- reporting_currency --
-- The asset that has always cost 1.
SELECT asset FROM portfolio.prices
WHERE at = '-infinity'
ORDER BY recorded_at DESC LIMIT 1;
