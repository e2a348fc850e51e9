-- The total value at the end of each day, and its change.
WITH days AS (
    SELECT DISTINCT ON (date_trunc('day', at)) date_trunc('day', at) AS day, value, confidence
    FROM portfolio.value
    WHERE account = ''
    ORDER BY date_trunc('day', at), at DESC
)
SELECT day, value, value - lag(value) OVER (ORDER BY day) AS change, confidence
FROM days
ORDER BY day DESC;
