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
