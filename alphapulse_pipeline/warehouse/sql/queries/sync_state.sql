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
-- The assets that are held, that ever moved as far as the portfolio has added up, and of the spot
-- markets that were traded: never a scan of a history.
SELECT asset FROM alphapulse.balances_latest
WHERE account = %(account)s
UNION
SELECT asset FROM portfolio.movements_daily
WHERE account = %(account)s
UNION
SELECT unnest(ARRAY[base, quote]) FROM alphapulse.markets
WHERE account = %(account)s AND type = 'spot' AND market = any(%(traded)s);

-- reporting_currency --
-- The asset that has always cost 1.
SELECT asset FROM portfolio.prices
WHERE at = '-infinity'
ORDER BY recorded_at DESC LIMIT 1;

-- used --
-- Whether a wallet ever held something, or was paid into or out of.
SELECT
    EXISTS (
        SELECT FROM alphapulse.balances
        WHERE account = %(account)s AND wallet = %(wallet)s AND total <> 0
    )
    OR EXISTS (
        SELECT FROM alphapulse.transfers
        WHERE account = %(account)s AND %(wallet)s::text IN (from_wallet, to_wallet)
    );

-- booked --
-- Whether a wallet's ledger has an entry of a kind.
SELECT TRUE FROM alphapulse.ledger
WHERE account = %(account)s AND wallet = %(wallet)s AND kind = %(kind)s
LIMIT 1;

-- first_snapshots --
-- When balances and positions both had a snapshot for the first time, as far as they are read.
SELECT max(first.at)
FROM unnest(ARRAY['balances', 'positions']) AS d (dataset)
CROSS JOIN LATERAL (
    SELECT s.captured_at AS at FROM alphapulse.snapshots AS s
    WHERE s.account = %(account)s AND s.dataset = d.dataset
    ORDER BY s.captured_at LIMIT 1
) AS first;
