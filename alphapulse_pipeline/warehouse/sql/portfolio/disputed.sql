-- What is held and whose newest price a different source disputes, and the difference in value.

CREATE OR REPLACE VIEW portfolio.disputed AS
SELECT
    held.account, held.asset, sum(held.amount) AS amount, newest.price,
    newest.sources[1] AS source, newest.other_price, newest.sources[2] AS other_source,
    abs(sum(held.amount) * (newest.other_price - newest.price)) AS difference
FROM portfolio.held
INNER JOIN portfolio.prices_latest AS newest USING (asset)
WHERE newest.other_price IS NOT NULL
GROUP BY held.account, held.asset, newest.price, newest.sources, newest.other_price;
