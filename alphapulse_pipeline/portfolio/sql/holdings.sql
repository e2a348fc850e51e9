-- insert --
-- x
INSERT INTO portfolio.holdings
    (account, wallet, asset, kind, amount, price, priced_at, value, share, captured_at)
SELECT account, wallet, asset, kind, amount, price, priced_at, value,
       value / nullif(greatest(sum(value) OVER (), 0), 0), captured_at
FROM (
    SELECT held.*, newest.price, newest.evidence_at AS priced_at, amount * newest.price AS value
    FROM portfolio.held LEFT JOIN portfolio.prices_latest AS newest USING (asset)
) AS valued;

-- figures --
-- x
SELECT count(*), coalesce(sum(value), 0), count(*) FILTER (WHERE value IS NULL)
FROM portfolio.holdings;
