-- The newest price of each asset. The reporting currency's own is always 1, and its time NULL.

-- Each asset is found by one search of the index, so that the cost follows the number of assets.
-- The reporting currency's time is -infinity in the table, which few clients can read.
CREATE OR REPLACE VIEW portfolio.prices_latest AS
WITH RECURSIVE assets AS (
    (SELECT asset FROM portfolio.prices ORDER BY asset LIMIT 1)
    UNION ALL
    SELECT (
        SELECT p.asset FROM portfolio.prices AS p WHERE p.asset > assets.asset
        ORDER BY p.asset LIMIT 1
    )
    FROM assets WHERE assets.asset IS NOT NULL
)
SELECT
    newest.asset, CASE WHEN isfinite(newest.at) THEN newest.at END AS at, newest.price, newest.path,
    CASE WHEN isfinite(newest.evidence_at) THEN newest.evidence_at END AS evidence_at,
    newest.other_price, newest.sources
FROM assets
CROSS JOIN LATERAL (
    SELECT * FROM portfolio.prices AS p WHERE p.asset = assets.asset ORDER BY p.at DESC LIMIT 1
) AS newest;
