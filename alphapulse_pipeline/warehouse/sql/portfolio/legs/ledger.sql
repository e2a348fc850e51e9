SELECT
    account, wallet, asset, happened_at, 4, 1, 'earned',
    CASE WHEN amount < 0 THEN 'expense' ELSE 'income' END, amount,
    amount * portfolio.price_at(asset, happened_at), NULL, NULL, kind || ' ' || entry_id, NULL, NULL
FROM alphapulse.ledger
-- a loan changes what is held and what is owed by the same amount: nothing is earned
WHERE NOT alphapulse.repeats_history(class) AND class <> 'loan'
