-- How much of each asset moves the value of each account: balances and positions together, net and
-- gross, leverage, and how close liquidation is. A linear contract moves like its base; an inverse
-- one like the amount of its base that its dollars buy at the mark price. Options count with their
-- whole notional, short calls and long puts as short: their delta is not known, so this is the most
-- it can be. Unrealized profit and loss is part of an account's value, but not of its exposure.
WITH positions AS (
    SELECT p.account, m.base AS asset,
           CASE WHEN (p.side = 'short') <> (m.kind = 'option' AND right(p.market, 2) = '-P')
                THEN -1 ELSE 1 END
           * p.contracts
           * CASE m.kind WHEN 'spot' THEN 1
             ELSE coalesce(p.contract_size, listed.contract_size) END
           / CASE WHEN m.kind <> 'option' AND m.settle = m.base
                  THEN nullif(p.mark_price, 0) ELSE 1 END AS amount,
           abs(p.mark_price - p.liquidation_price) / nullif(p.mark_price, 0) AS distance
    FROM alphapulse.positions_latest AS p
    INNER JOIN alphapulse.datasets AS d
        ON d.account = p.account AND d.dataset = 'positions' AND d.deployed
    LEFT JOIN alphapulse.markets AS listed
        ON listed.account = p.account AND listed.market = p.market
    CROSS JOIN LATERAL alphapulse.market_of(p.account, p.market) AS m
), parts AS (
    SELECT account, asset, sum(amount) AS amount, NULL::numeric AS distance
    FROM portfolio.held WHERE kind IN ('balance', 'debt') GROUP BY account, wallet, asset
    UNION ALL
    SELECT account, asset, amount, distance FROM positions
), by_account AS (
    SELECT account, asset, amount, distance FROM parts
    UNION ALL
    SELECT '', asset, amount, distance FROM parts
), assets AS (
    SELECT account, asset,
           CASE WHEN bool_or(amount IS NULL) THEN NULL ELSE sum(amount) END AS net,
           CASE WHEN bool_or(amount IS NULL) THEN NULL ELSE sum(abs(amount)) END AS gross,
           min(distance) AS distance
    FROM by_account GROUP BY account, asset
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
    FROM portfolio.holdings GROUP BY rollup (account)
)
SELECT v.account, v.asset, v.net, v.gross, v.net_value, v.gross_value,
       v.gross_value / nullif(accounts.gross_value, 0) AS share,
       v.gross_value / equity.value AS leverage, v.distance AS liquidation_distance
FROM valued AS v INNER JOIN accounts USING (account) LEFT JOIN equity USING (account)
UNION ALL
SELECT account, '', NULL, NULL, net_value, gross_value, 1, gross_value / equity.value, distance
FROM accounts LEFT JOIN equity USING (account);
