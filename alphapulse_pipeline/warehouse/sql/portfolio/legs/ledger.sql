SELECT
    l.account, l.wallet, l.asset, l.happened_at,
    CASE WHEN f.moved AND l.amount > 0 THEN 2 WHEN f.moved THEN 1 ELSE 4 END, 1,
    CASE
        WHEN NOT f.moved THEN 'earned'
        WHEN l.amount < 0 THEN 'moved'
        WHEN d.from_entry IS NULL THEN 'swap'
        ELSE 'carried'
    END,
    CASE
        WHEN f.moved AND coalesce(d.entry, w.entry) IS NOT NULL THEN 'transfer'
        WHEN f.moved AND l.amount > 0 THEN 'deposit'
        WHEN f.moved THEN 'withdrawal'
        WHEN l.amount < 0 THEN 'expense'
        ELSE 'income'
    END,
    l.amount, l.amount * portfolio.price_at(l.asset, l.happened_at), NULL, NULL,
    n.entry, d.from_account, d.from_entry, d.left_at
FROM portfolio.ledger_movements AS l
CROSS JOIN LATERAL (SELECT l.class = 'transfer' AS moved) AS f
CROSS JOIN LATERAL (SELECT l.kind || ' ' || l.entry_id AS entry) AS n
LEFT JOIN portfolio.own_transfers AS d
    ON f.moved AND l.amount > 0 AND l.account = d.account AND n.entry = d.entry
LEFT JOIN portfolio.own_transfers AS w
    ON f.moved AND l.amount < 0 AND l.account = w.from_account AND n.entry = w.from_entry
-- a loan changes what is held and what is owed by the same amount: nothing is earned
WHERE l.class <> 'loan'
