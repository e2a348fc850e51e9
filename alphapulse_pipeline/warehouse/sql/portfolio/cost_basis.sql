-- What is held of each asset, and what it cost.
CREATE OR REPLACE VIEW portfolio.cost_basis AS
SELECT c.account, c.asset, c.amount, c.cost, s.state, s.reason, f.final_until
FROM portfolio.matched_sums AS c
LEFT JOIN portfolio.finality AS f USING (account, asset)
CROSS JOIN LATERAL portfolio.state_at(f, f.last_entry, c.cost IS NOT NULL) AS s;
