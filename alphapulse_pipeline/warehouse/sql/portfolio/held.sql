-- What the accounts that are deployed hold, by their newest snapshots.

CREATE OR REPLACE VIEW portfolio.held AS
WITH newest AS (
    SELECT d.account, d.dataset, s.captured_at
    FROM alphapulse.datasets AS d
    CROSS JOIN LATERAL (
        SELECT s.captured_at FROM alphapulse.snapshots AS s
        WHERE s.account = d.account AND s.dataset = d.dataset ORDER BY s.captured_at DESC LIMIT 1
    ) AS s
    WHERE d.dataset IN ('balances', 'positions') AND d.deployed
)
SELECT newest.account, b.wallet, b.asset, parts.kind, parts.amount, newest.captured_at
FROM newest
INNER JOIN alphapulse.balances AS b USING (account, captured_at)
CROSS JOIN LATERAL (VALUES ('balance', b.total), ('debt', -b.debt)) AS parts (kind, amount)
WHERE newest.dataset = 'balances' AND parts.amount <> 0
UNION ALL
SELECT newest.account, '', parts.asset, parts.kind, parts.amount, newest.captured_at
FROM newest
CROSS JOIN LATERAL portfolio.position_parts(newest.account, newest.captured_at) AS parts
WHERE newest.dataset = 'positions' AND parts.amount IS DISTINCT FROM 0;
