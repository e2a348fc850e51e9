-- Which positions paid funding, and which received it.
SELECT account, market, asset, sum(amount) AS amount, count(*) AS payments
FROM funding
GROUP BY account, market, asset
ORDER BY sum(amount);
