-- A history without a file of its own here: its movements are income or expense.
SELECT
    account, wallet, asset, happened_at, 4, 1, 'earned',
    CASE WHEN amount < 0 THEN 'expense' ELSE 'income' END, amount,
    amount * portfolio.price_at(asset, happened_at), NULL, NULL, entry, NULL, NULL, NULL
FROM ({movements}) AS m
