-- reconciliation --
-- Balances that do not reconcile, then the newest ones.
SELECT account, wallet, asset, closed_at, opening, fills, fees, transfers, funding, conversions,
       other, closing, residual, state
FROM portfolio.reconciliation
ORDER BY state = 'reconciled', closed_at DESC, account, wallet, asset LIMIT 10;

-- position_reconciliation --
-- Positions that do not reconcile, then the newest changes.
SELECT account, market, closed_at, opening, fills, closing, residual, state
FROM portfolio.position_reconciliation
ORDER BY state = 'reconciled', closed_at DESC, account, market LIMIT 10;

-- movements_daily --
-- The newest days.
SELECT account, day, wallet, asset, fills, fees, transfers, funding, conversions, other, amount
FROM portfolio.movements_daily
ORDER BY day DESC, account, wallet, asset LIMIT 20;

-- prices --
-- The freshest prices.
SELECT asset, price, path, evidence_at
FROM portfolio.prices_latest
ORDER BY evidence_at DESC NULLS LAST, asset LIMIT 20;

-- holdings --
-- What has no price, then the most valuable.
SELECT account, wallet, asset, kind, amount, price, round(value, 2) AS value,
       round(share, 4) AS share, now() - captured_at AS age
FROM portfolio.holdings
ORDER BY value DESC NULLS FIRST, account, wallet, asset LIMIT 20;

-- value --
-- The newest totals.
SELECT at, round(value, 2) AS value, confidence, round(carried, 2) AS carried,
       round(unexplained, 2) AS unexplained, round(disputed, 2) AS disputed, unpriced, state
FROM portfolio.value
WHERE account = ''
ORDER BY at DESC LIMIT 10;

-- exposure --
-- Each account's exposure, largest first.
SELECT account, asset, net, round(net_value, 2) AS net_value,
       round(gross_value, 2) AS gross_value, round(share, 4) AS share,
       round(leverage, 2) AS leverage,
       round(liquidation_distance, 4) AS liquidation_distance
FROM portfolio.exposure
ORDER BY account, asset <> '', gross_value DESC LIMIT 20;

-- realized_pnl --
-- The newest lines.
SELECT account, asset, kind, realized_at, amount, proceeds, cost, pnl, opened_by, closed_by, state,
       reason
FROM portfolio.realized_pnl
ORDER BY realized_at DESC LIMIT 10;

-- value_daily --
-- The newest days of all accounts together.
SELECT day, value, flows, profit, growth, unpriced, state
FROM portfolio.value_daily WHERE account = ''
ORDER BY day DESC LIMIT 20;
