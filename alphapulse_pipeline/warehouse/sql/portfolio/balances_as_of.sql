-- What every account held at a time, by its newest snapshot up to then, and its value then.

-- An account that is no longer deployed ends with its last snapshot: it may be deployed again under
-- a different name, and would count twice.
CREATE OR REPLACE FUNCTION portfolio.balances_as_of(at timestamptz)
RETURNS TABLE (
    account text, wallet text, asset text, total numeric, debt numeric, captured_at timestamptz,
    price numeric, value numeric
) LANGUAGE sql STABLE AS $$
    SELECT b.account, b.wallet, b.asset, b.total, b.debt, b.captured_at, priced.price,
           (b.total - b.debt) * priced.price
    FROM alphapulse.datasets AS d
    CROSS JOIN LATERAL (
        SELECT s.captured_at FROM alphapulse.snapshots AS s
        WHERE s.account = d.account AND s.dataset = 'balances' AND s.captured_at <= at
        ORDER BY s.captured_at DESC LIMIT 1
    ) AS newest
    JOIN alphapulse.balances AS b
        ON b.account = d.account AND b.captured_at = newest.captured_at
    CROSS JOIN LATERAL (SELECT portfolio.price_at(b.asset, at) AS price) AS priced
    WHERE d.dataset = 'balances' AND (d.deployed OR EXISTS (
        SELECT FROM alphapulse.snapshots AS s
        WHERE s.account = d.account AND s.dataset = 'balances' AND s.captured_at >= at))
$$;
