-- What each market costs: fees relative to the volume, as maker and as taker.
SELECT account, market, fee_currency, taker_or_maker, count(*) AS fills, sum(cost) AS volume,
       sum(fee_cost) AS fees
FROM trades
GROUP BY account, market, fee_currency, taker_or_maker
ORDER BY sum(cost) DESC;
