-- What each deployed account holds now and its value: the newest snapshots at the newest prices.
-- Balances, debts, unrealized profit and loss of open positions, and options at their market value.
SELECT account, wallet, asset, kind, amount, price, priced_at, value,
       value / nullif(greatest(sum(value) OVER (), 0), 0) AS share, captured_at
FROM (
    SELECT held.*, newest.price, newest.evidence_at AS priced_at, amount * newest.price AS value
    FROM portfolio.held LEFT JOIN portfolio.prices_latest AS newest USING (asset)
) AS valued;
