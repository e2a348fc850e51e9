-- What is held and has no price, or whose amount the exchange does not report.

CREATE OR REPLACE VIEW portfolio.unpriced AS
SELECT
    asset, array_agg(DISTINCT account ORDER BY account) AS accounts,
    sum(amount) FILTER (WHERE kind IN ('balance', 'debt')) AS amount,
    max(captured_at) AS captured_at
FROM portfolio.held
WHERE amount IS NULL OR portfolio.price_at(asset, 'infinity') IS NULL
GROUP BY asset;
