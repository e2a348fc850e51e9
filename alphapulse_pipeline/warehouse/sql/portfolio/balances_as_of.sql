-- What every account held at a time, and its value then: by its newest snapshot up to then, or,
-- before its first one, by that snapshot less what the histories moved since. captured_at is the
-- snapshot; state is final, provisional (the histories are not complete yet), partial (they never
-- will be) or broken (they contradict themselves), with the reason.

-- An account that is no longer deployed ends with its last snapshot: it may be deployed again under
-- a different name, and would count twice.
CREATE OR REPLACE FUNCTION portfolio.balances_as_of(at timestamptz)
RETURNS TABLE (
    account text, wallet text, asset text, total numeric, debt numeric, captured_at timestamptz,
    price numeric, value numeric, state text, reason text
) LANGUAGE sql STABLE AS $$
    WITH accounts AS (
        SELECT d.account, newest.captured_at AS newest_at, oldest.captured_at AS first_at
        FROM alphapulse.datasets AS d
        LEFT JOIN LATERAL (
            SELECT s.captured_at FROM alphapulse.snapshots AS s
            WHERE s.account = d.account AND s.dataset = 'balances' AND s.captured_at <= at
            ORDER BY s.captured_at DESC LIMIT 1
        ) AS newest ON TRUE
        LEFT JOIN LATERAL (
            SELECT s.captured_at FROM alphapulse.snapshots AS s
            WHERE s.account = d.account AND s.dataset = 'balances'
            ORDER BY s.captured_at LIMIT 1
        ) AS oldest ON TRUE
        WHERE d.dataset = 'balances' AND (d.deployed OR EXISTS (
            SELECT FROM alphapulse.snapshots AS s
            WHERE s.account = d.account AND s.dataset = 'balances' AND s.captured_at >= at))
    ), held AS (
        SELECT b.account, b.wallet, b.asset, b.total, b.debt, b.captured_at, 'final' AS state,
               '' AS reason
        FROM accounts AS a
        JOIN alphapulse.balances AS b ON b.account = a.account AND b.captured_at = a.newest_at
        UNION ALL
        SELECT a.account, r.wallet, r.asset, r.total, r.debt, a.first_at, r.state, r.reason
        FROM accounts AS a
        CROSS JOIN LATERAL portfolio.rolled_back(a.account, at, a.first_at) AS r
        WHERE a.newest_at IS NULL AND a.first_at IS NOT NULL
    )
    SELECT h.account, h.wallet, h.asset, h.total, h.debt, h.captured_at, priced.price,
           (h.total - h.debt) * priced.price, h.state, h.reason
    FROM held AS h
    CROSS JOIN LATERAL (SELECT portfolio.price_at(h.asset, at) AS price) AS priced
$$;
