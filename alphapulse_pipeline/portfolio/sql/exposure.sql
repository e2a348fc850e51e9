-- insert --
-- x
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
FROM accounts LEFT JOIN equity USING (account);

-- figures --
-- x
SELECT leverage, liquidation_distance FROM portfolio.exposure WHERE account = '' AND asset = '';
