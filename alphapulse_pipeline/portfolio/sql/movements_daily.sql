-- days --
-- The days before each account's first snapshot whose movements may have changed. Later balances
-- are read and not calculated, so that a refresh reads no day of them again.
CREATE TEMP TABLE days ON COMMIT DROP AS
SELECT DISTINCT a.account, (m.happened_at AT TIME ZONE 'UTC')::date AS day
FROM portfolio.accounts AS a
LEFT JOIN LATERAL (
    SELECT captured_at FROM alphapulse.snapshots AS s
    WHERE s.account = a.account AND s.dataset = 'balances' ORDER BY captured_at LIMIT 1
) AS oldest ON TRUE
CROSS JOIN LATERAL portfolio.moved_since(a.account, %(since)s) AS m (happened_at)
WHERE m.happened_at < coalesce(date_trunc('day', oldest.captured_at, 'UTC'), 'infinity');

-- delete_days --
-- Their sums, which are about to be calculated again.
DELETE FROM portfolio.movements_daily AS m USING days AS d
WHERE m.account = d.account AND m.day = d.day;

-- sums --
-- Their movements, part by part, and the most that any instant of the day was below its end.
WITH spans AS (
    SELECT account, unnest(range_agg(tstzrange(
        day::timestamp AT TIME ZONE 'UTC', (day + 1)::timestamp AT TIME ZONE 'UTC'))) AS span
    FROM days GROUP BY account
), moves AS (
    SELECT spans.account, (m.happened_at AT TIME ZONE 'UTC')::date AS day, m.*
    FROM spans CROSS JOIN LATERAL portfolio.moved_between(
        account, lower(span) - interval '1 microsecond', upper(span) - interval '1 microsecond'
    ) AS m
), running AS (
    SELECT *, sum(amount) OVER (
        PARTITION BY account, day, wallet, asset ORDER BY happened_at DESC
    ) AS rise
    FROM moves
)
INSERT INTO portfolio.movements_daily (account, day, wallet, asset, fills, fees, transfers, funding,
    conversions, other, loans, rise, rise_at, missing_fill)
SELECT account, day, wallet, asset, sum(fills), sum(fees), sum(transfers), sum(funding),
       sum(conversions), sum(other), sum(loans), max(rise),
       (array_agg(happened_at ORDER BY rise DESC, happened_at DESC))[1], min(missing_fill)
FROM running GROUP BY account, day, wallet, asset;
