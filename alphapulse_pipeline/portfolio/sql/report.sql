-- values --
-- The newest value of each account; the account '' is the total.
SELECT DISTINCT ON (account) account, at, value, confidence, uncertainty, carried, unexplained,
       unpriced, state
FROM portfolio.value ORDER BY account, at DESC;

-- carried --
-- Accounts that have failed since their newest value, since when, and why.
SELECT d.account, min(failure.finished_at) AS since,
       (array_agg(failure.error ORDER BY failure.finished_at DESC))[1] AS error
FROM alphapulse.datasets AS d
CROSS JOIN LATERAL (
    SELECT at FROM portfolio.value AS v WHERE v.account = d.account ORDER BY at DESC LIMIT 1
) AS known
INNER JOIN alphapulse.sync_log AS failure
    ON failure.account = d.account AND failure.dataset = 'balances' AND failure.status = 'failed'
    AND failure.finished_at > known.at
WHERE d.dataset = 'balances' AND d.deployed
GROUP BY d.account ORDER BY d.account;

-- holdings --
-- What is held, largest value first.
SELECT account, wallet, asset, kind, amount, price, value, share, captured_at
FROM portfolio.holdings WHERE amount <> 0
ORDER BY value IS NULL, value DESC, account, wallet, asset, kind;

-- unpriced --
-- What is held and has no price.
SELECT asset, sum(amount) AS amount, string_agg(DISTINCT account, ', ' ORDER BY account) AS accounts
FROM portfolio.holdings WHERE value IS NULL AND amount <> 0 GROUP BY asset ORDER BY asset;

-- pnl_by_month --
-- Realized profit and loss by month, newest first.
SELECT to_char(date_trunc('month', realized_at), 'YYYY-MM') AS month, count(*) AS lines,
       sum(proceeds) AS proceeds, sum(cost) AS cost, sum(pnl) AS pnl,
       count(*) FILTER (WHERE pnl IS NULL) AS unknown
FROM portfolio.realized_pnl GROUP BY month ORDER BY month DESC;

-- pnl_by_asset --
-- Realized profit and loss by asset, best first.
SELECT asset, count(*) AS lines, sum(proceeds) AS proceeds, sum(cost) AS cost, sum(pnl) AS pnl,
       count(*) FILTER (WHERE pnl IS NULL) AS unknown
FROM portfolio.realized_pnl GROUP BY asset ORDER BY sum(pnl) DESC NULLS LAST, asset;

-- exposure --
-- Exposure of all accounts together by asset, largest first.
SELECT asset, net, gross, net_value, gross_value, share FROM portfolio.exposure
WHERE account = '' AND asset <> '' ORDER BY gross_value DESC NULLS LAST, asset;

-- leverage --
-- Leverage and distance to liquidation by account; the account '' is all together.
SELECT account, net_value, gross_value, leverage, liquidation_distance FROM portfolio.exposure
WHERE asset = '' ORDER BY account;

-- reconciled --
-- How many balances are reconciled, over which time.
SELECT count(*) AS windows, min(opened_at) AS first, max(closed_at) AS last
FROM portfolio.reconciliation;

-- accounts --
-- Coverage and failures by account.
SELECT account, min(exchange) AS exchange, max(last_success) AS last_success,
       min(coverage) AS coverage, coalesce(sum(gaps), 0) AS gaps,
       coalesce(sum(unreachable), 0) AS unreachable,
       coalesce(array_agg(dataset || coalesce(': ' || error, '') ORDER BY dataset)
           FILTER (WHERE status = 'failed' OR circuit = 'open'), '{}') AS failed
FROM alphapulse.sync_status WHERE status <> 'unsupported' GROUP BY account ORDER BY account;

-- gaps --
-- The widest gaps.
SELECT account, dataset, stream, lower(gap) AS "from", upper(gap) AS "to", reason
FROM alphapulse.coverage_gaps ORDER BY upper(gap) - lower(gap) DESC, account, dataset LIMIT 20;
