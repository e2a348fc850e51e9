-- Money that came from outside or left, by month and asset.
SELECT date_trunc('month', happened_at) AS month, kind, asset, count(*), sum(amount) AS amount
FROM transfers
WHERE kind IN ('deposit', 'withdrawal') AND status = 'ok'
GROUP BY 1, 2, 3
ORDER BY 1 DESC, 2, 3;
