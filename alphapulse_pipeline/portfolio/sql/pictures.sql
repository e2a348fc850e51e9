-- value --
-- The equity curve in at most 400 points: the last of each stretch of time, with its greatest
-- unconfidence.
WITH span AS (
    SELECT greatest((max(at) - min(at)) / 400, interval '1 second') AS step, min(at) AS first
    FROM portfolio.value WHERE account = ''
)
SELECT DISTINCT ON (date_bin(step, at, first)) at, value, confidence, state,
       max(uncertainty) OVER (PARTITION BY date_bin(step, at, first)) AS uncertainty
FROM portfolio.value, span WHERE account = '' ORDER BY date_bin(step, at, first), at DESC;

-- value_daily --
-- The value at the end of each day.
SELECT (day + 1)::timestamp AT TIME ZONE 'UTC' AS at, value, NULL AS confidence, 0 AS uncertainty,
       state
FROM portfolio.value_daily WHERE account = '' ORDER BY day;

-- allocation --
-- Value by asset; NULL if a part of it has no price.
SELECT asset, CASE WHEN bool_and(value IS NOT NULL) THEN sum(value) END AS value
FROM portfolio.holdings GROUP BY asset HAVING bool_or(amount <> 0);

-- pnl_by_month --
-- Realized profit and loss by month, months without any included, and whether it is
-- final.
WITH months AS (
    SELECT date_trunc('month', realized_at) AS month, sum(pnl) AS pnl
    FROM portfolio.realized_pnl WHERE pnl IS NOT NULL GROUP BY month
)
SELECT month, coalesce(months.pnl, 0) AS pnl,
       portfolio.state_of('', month + interval '1 month') AS state
FROM (SELECT generate_series(min(month), max(month), interval '1 month') AS month FROM months) AS m
LEFT JOIN months USING (month) ORDER BY month;

-- pnl_by_asset --
-- Realized profit and loss by asset.
SELECT asset, sum(pnl) AS value,
       CASE WHEN bool_or(state = 'provisional') THEN 'provisional' ELSE min(state) END AS state
FROM portfolio.realized_pnl WHERE pnl IS NOT NULL GROUP BY asset;

-- exposure --
-- Exposure of all accounts together by asset.
SELECT asset, net_value, gross_value FROM portfolio.exposure WHERE account = '' AND asset <> '';

-- residuals --
-- Residuals in the reporting currency, oldest first.
SELECT account, wallet, asset, closed_at AS at,
       residual * portfolio.price_at(asset, closed_at) AS value
FROM portfolio.reconciliation WHERE state IN ('break', 'unverifiable') ORDER BY closed_at;

-- reconciled_span --
-- The time that is reconciled.
SELECT min(opened_at) AS first, max(closed_at) AS last FROM portfolio.reconciliation;
