-- Breaks, with every movement of their window.
SELECT r.account, r.wallet, r.asset, r.closed_at, r.residual, m.happened_at, m.part, m.amount,
       m.entry
FROM portfolio.reconciliation AS r
LEFT JOIN LATERAL portfolio.movements_between(r.account, r.opened_at, r.closed_at) AS m
    ON m.wallet = r.wallet AND m.asset = r.asset
WHERE r.state = 'break'
ORDER BY r.closed_at DESC, m.happened_at;
