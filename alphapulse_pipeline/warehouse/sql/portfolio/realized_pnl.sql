-- Realized profit and loss in the reporting currency: one line for each lot, or part of one, that
-- was closed; and lines for fees, funding and income.
CREATE OR REPLACE VIEW portfolio.realized_pnl AS
SELECT
    l.account, l.asset, l.line_id, l.kind, l.realized_at, l.amount, l.proceeds, l.cost, l.pnl,
    l.acquired_at, l.opened_by, l.closed_by, l.lot_id, l.basis, s.state, s.reason
FROM portfolio.matched_lines AS l
LEFT JOIN portfolio.finality AS f USING (account, asset)
CROSS JOIN LATERAL portfolio.state_at(f, l.realized_at, l.pnl IS NOT NULL) AS s;
