-- Breaks, with every movement of their window.
SELECT r.account, r.wallet, r.asset, r.closed_at, r.residual, m.happened_at, m.part, m.amount,
       m.entry
FROM portfolio.reconciliation AS r
LEFT JOIN portfolio.movements AS m
    ON m.account = r.account AND m.wallet = r.wallet AND m.asset = r.asset
    AND m.happened_at > r.opened_at AND m.happened_at <= r.closed_at
WHERE r.state = 'break'
ORDER BY r.closed_at DESC, m.happened_at;
