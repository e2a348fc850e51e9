-- What was acquired, how much of it is left, and what it cost.

-- What is left of a lot depends on every entry of the book: they are final together.
CREATE OR REPLACE VIEW portfolio.lots AS
SELECT
    l.account, l.asset, l.lot_id, l.acquired_at, l.entered_at, l.amount, l.remaining, l.cost,
    l.remaining_cost, l.source, l.opened_by, l.place, s.state, s.reason
FROM portfolio.matched_lots AS l
LEFT JOIN portfolio.finality AS f USING (account, asset)
CROSS JOIN LATERAL portfolio.state_at(f, f.last_entry, l.cost IS NOT NULL) AS s;
