SELECT
    l.account, l.wallet, l.asset, l.happened_at,
    CASE WHEN f.moved AND l.amount > 0 THEN 2 WHEN f.moved THEN 1 ELSE 4 END, 1,
    CASE WHEN NOT f.moved THEN 'earned' WHEN l.amount > 0 THEN 'swap' ELSE 'moved' END,
    CASE
        WHEN f.moved AND l.amount > 0 THEN 'deposit'
        WHEN f.moved THEN 'withdrawal'
        WHEN l.amount < 0 THEN 'expense'
        ELSE 'income'
    END,
    l.amount, l.amount * portfolio.price_at(l.asset, l.happened_at), NULL, NULL,
    l.kind || ' ' || l.entry_id, NULL, NULL
FROM portfolio.ledger_movements AS l
CROSS JOIN LATERAL (SELECT l.class = 'transfer' AS moved) AS f
-- a loan changes what is held and what is owed by the same amount: nothing is earned
WHERE l.class <> 'loan'
