-- Everything sold in 2026 with proceeds, cost and gain, as a tax form wants it. File
-- only what is final: what is provisional changes while history is loaded.
SELECT account, asset, realized_at, acquired_at, amount, proceeds, cost, pnl, opened_by, closed_by,
    state, reason
FROM portfolio.realized_pnl
WHERE realized_at >= '2026-01-01' AND realized_at < '2027-01-01' AND kind = 'trade'
ORDER BY realized_at;
