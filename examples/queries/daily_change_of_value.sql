-- The total value at the end of each day, and how much of its change was deposited and earned.
SELECT
    day, value, flows AS deposited, profit AS earned,
    round(100 * (growth - 1), 2) AS percent, state
FROM portfolio.value_daily
WHERE account = ''
ORDER BY day DESC;
