-- holdings --
-- How much is held, its value, and how many holdings have no price.
SELECT count(*) AS held, coalesce(sum(value), 0) AS value,
       count(*) FILTER (WHERE value IS NULL) AS "without a price"
FROM portfolio.holdings;

-- exposure --
-- The leverage of all accounts together, and how close a liquidation is.
SELECT (SELECT count(*) FROM portfolio.exposure) AS exposures, max(leverage) AS leverage,
       max(liquidation_distance) AS "distance to liquidation"
FROM portfolio.exposure WHERE account = '' AND asset = '';

-- value_daily --
-- How many days there are, and what all accounts earned.
SELECT count(*) AS days, sum(profit) AS profit,
       min(state) FILTER (WHERE state <> 'final') AS state
FROM portfolio.value_daily WHERE account = '';
