-- accounts --
-- Each account with its newest snapshots, and the newest ones that are valued.
CREATE TEMP TABLE fresh ON COMMIT DROP AS
SELECT d.account, d.deployed, known.balances_at AS since, balances.captured_at AS up_to,
       known.positions_at AS positions_since, positions.captured_at AS positions_up_to,
       (known.deployed IS DISTINCT FROM d.deployed) AS moved,
       EXISTS (SELECT FROM alphapulse.datasets AS p
               WHERE p.account = d.account AND p.dataset = 'positions' AND p.supported)
           AS has_positions
FROM alphapulse.datasets AS d
LEFT JOIN LATERAL (
    SELECT captured_at FROM alphapulse.snapshots AS s
    WHERE s.account = d.account AND s.dataset = 'balances' ORDER BY captured_at DESC LIMIT 1
) AS balances ON true
LEFT JOIN LATERAL (
    SELECT captured_at FROM alphapulse.snapshots AS s
    WHERE s.account = d.account AND s.dataset = 'positions' ORDER BY captured_at DESC LIMIT 1
) AS positions ON true
LEFT JOIN portfolio.valued AS known ON known.account = d.account
WHERE d.dataset = 'balances';

-- unexplained --
-- What the histories do not explain of each snapshot, in the reporting currency. Few rows, found by
-- an index: reconciled balances are not read.
CREATE TEMP TABLE unexplained ON COMMIT DROP AS
SELECT r.account, r.closed_at AS at,
       coalesce(sum(abs(r.residual * portfolio.price_at(r.asset, r.closed_at + %(alongside)s))), 0)
           AS value
FROM portfolio.reconciliation AS r WHERE r.state <> 'zero' GROUP BY r.account, r.closed_at;

-- points --
-- The snapshots to value: new ones, and those whose prices, positions or residuals changed. A price
-- counts from its time until the next one, the first of an asset before it as well: an asset that
-- had no price until now changes the points that were unpriced.
CREATE TEMP TABLE points ON COMMIT DROP AS
WITH changed AS (
    SELECT asset, at, false AS gone FROM portfolio.prices WHERE recorded_at >= %(since)s
    UNION ALL
    SELECT market, happened_at, true FROM portfolio.rewritten
    WHERE dataset = 'prices' AND recorded_at >= %(since)s
), assets AS (
    SELECT asset, bool_or(gone) OR (
        SELECT p.at FROM portfolio.prices AS p
        WHERE p.asset = changed.asset AND p.recorded_at < %(since)s ORDER BY p.at LIMIT 1
    ) IS NOT NULL AS known
    FROM changed GROUP BY asset
), spans AS (
    SELECT unnest(range_agg(tstzrange(
        CASE WHEN assets.known AND coalesce(changed.at <= (
            SELECT min(p.at) FROM portfolio.prices AS p WHERE p.asset = changed.asset), true)
        THEN '-infinity' ELSE changed.at - %(alongside)s END,
        (SELECT min(p.at) - %(alongside)s FROM portfolio.prices AS p
         WHERE p.asset = changed.asset AND p.at > changed.at)
    ))) AS span
    FROM changed JOIN assets USING (asset)
)
, ranges AS (
    SELECT account, since + interval '1 microsecond' AS start, 'infinity'::timestamptz AS ending
    FROM fresh
    UNION ALL
    SELECT account, (
        SELECT min(p.captured_at) - %(alongside)s FROM alphapulse.snapshots AS p
        WHERE p.account = fresh.account AND p.dataset = 'positions'
          AND p.captured_at > coalesce(fresh.positions_since, '-infinity')
    ), 'infinity' FROM fresh WHERE positions_since IS DISTINCT FROM positions_up_to
    UNION ALL
    SELECT account, lower(span), coalesce(upper(span), 'infinity') FROM fresh CROSS JOIN spans
)
SELECT ranges.account, s.captured_at AS at
FROM ranges JOIN fresh USING (account)
CROSS JOIN LATERAL (
    SELECT captured_at FROM alphapulse.snapshots
    WHERE snapshots.account = ranges.account AND dataset = 'balances'
      AND captured_at >= coalesce(ranges.start, '-infinity') AND captured_at < ranges.ending
      AND captured_at <= fresh.up_to
    OFFSET 0
) AS s
UNION
SELECT v.account, v.at
FROM portfolio.value AS v
WHERE v.account <> '' AND v.unpriced <> '{}'
  AND v.unpriced && ARRAY(SELECT asset FROM assets WHERE NOT known)
UNION
SELECT v.account, v.at
FROM unexplained AS u JOIN portfolio.value AS v USING (account, at) WHERE v.unexplained <> u.value
UNION
SELECT v.account, v.at
FROM portfolio.value AS v WHERE v.account <> '' AND v.unexplained <> 0
  AND NOT EXISTS (SELECT FROM unexplained AS u WHERE u.account = v.account AND u.at = v.at);

-- valued --
-- Value each of the points; `moved` lists those that changed.
CREATE TEMP TABLE moved ON COMMIT DROP AS
WITH read AS (
    SELECT points.*, positions.captured_at AS positions_at,
           fresh.has_positions AND positions.captured_at IS NULL AS lacking,
           CASE WHEN positions.captured_at < points.at - %(late)s
                THEN least(1, extract(EPOCH FROM points.at - positions.captured_at)
                              / extract(EPOCH FROM %(fades)s::interval)) END AS faded
    FROM points JOIN fresh USING (account)
    LEFT JOIN LATERAL (
        SELECT captured_at FROM alphapulse.snapshots AS s
        WHERE s.account = points.account AND s.dataset = 'positions'
          AND s.captured_at <= points.at + %(alongside)s
        ORDER BY captured_at DESC LIMIT 1
    ) AS positions ON true
), parts AS (
    SELECT account, at, asset, total - debt AS amount, false AS late
    FROM points JOIN alphapulse.balances AS b USING (account) WHERE b.captured_at = points.at
    UNION ALL
    SELECT account, at, parts.asset, parts.amount, faded IS NOT NULL
    FROM read CROSS JOIN LATERAL portfolio.position_parts(account, positions_at) AS parts
), held AS (
    SELECT account, at, asset, amount, late, amount * price AS value
    FROM parts CROSS JOIN LATERAL (
        SELECT price
        FROM (SELECT portfolio.price_at(asset, at + %(alongside)s) AS price) AS looked_up
        OFFSET 0 -- looked up once
    ) AS priced
    WHERE amount IS DISTINCT FROM 0
), sums AS (
    SELECT account, at, count(DISTINCT asset) AS assets,
           coalesce(array_agg(DISTINCT asset ORDER BY asset) FILTER (WHERE value IS NULL), '{}')
               AS unpriced,
           coalesce(sum(value), 0) AS value, coalesce(sum(abs(value)), 0) AS weight,
           coalesce(sum(value) FILTER (WHERE late), 0) AS carried,
           coalesce(sum(abs(value)) FILTER (WHERE late), 0) AS carried_weight,
           coalesce(bool_or(late), false) AS late
    FROM held GROUP BY account, at
), made AS (
    SELECT read.account, read.at, coalesce(sums.value, 0) AS value,
           round(CASE WHEN sums.at IS NULL THEN CASE WHEN lacking THEN 0 ELSE 1 END
                      ELSE (assets - cardinality(unpriced))::numeric / (assets + lacking::int)
                           * (1 - coalesce(faded * carried_weight / nullif(weight, 0), 0))
                 END * CASE WHEN u.value > 0
                            THEN greatest(0, 1 - coalesce(u.value / nullif(weight, 0), 1))
                            ELSE 1 END, 4) AS certainty,
           coalesce(carried, 0) AS carried, coalesce(u.value, 0) AS unexplained,
           coalesce(unpriced, '{}') AS unpriced,
           CASE WHEN lacking OR unpriced <> '{}' THEN 'partial'
                WHEN late THEN 'carried' ELSE 'known' END AS state
    FROM read LEFT JOIN sums USING (account, at) LEFT JOIN unexplained AS u USING (account, at)
), changed AS (
    INSERT INTO portfolio.value AS v
        (account, at, value, certainty, carried, unexplained, unpriced, state)
    SELECT account, at, trim_scale(value), certainty, trim_scale(carried), trim_scale(unexplained),
           unpriced, state
    FROM made
    ON CONFLICT (account, at) DO UPDATE SET value = excluded.value,
        certainty = excluded.certainty, carried = excluded.carried,
        unexplained = excluded.unexplained, unpriced = excluded.unpriced, state = excluded.state
    WHERE (v.value, v.certainty, v.carried, v.unexplained, v.unpriced, v.state)
        IS DISTINCT FROM (excluded.value, excluded.certainty, excluded.carried,
                          excluded.unexplained, excluded.unpriced, excluded.state)
    RETURNING account, at
)
SELECT * FROM changed;

-- times --
-- The times whose total changes: an account's point counts until its next one, and so does a
-- failure. A failure is new if it has no point yet; none becomes known more than a day late.
CREATE TEMP TABLE times ON COMMIT DROP AS
WITH failures AS (
    SELECT fresh.account, failure.finished_at AS at FROM fresh
    JOIN alphapulse.sync_log AS failure
        ON failure.account = fresh.account AND failure.dataset = 'balances'
        AND failure.status = 'failed' AND failure.finished_at >= coalesce(
            (SELECT max(at) - interval '1 day' FROM portfolio.value WHERE account = ''),
            '-infinity')
        AND NOT EXISTS (SELECT FROM portfolio.value AS v
                        WHERE v.account = '' AND v.at = failure.finished_at)
), starts AS (
    SELECT account, at FROM moved
    UNION ALL
    SELECT account, at FROM failures
    UNION ALL
    SELECT account, up_to FROM fresh WHERE moved AND up_to IS NOT NULL
), spans AS (
    SELECT unnest(range_agg(
        tstzrange(starts.at, CASE WHEN gone THEN NULL ELSE next.at END))) AS span
    FROM (SELECT starts.*, fresh.up_to = starts.at AND fresh.moved AS gone
          FROM starts JOIN fresh USING (account)) AS starts
    LEFT JOIN LATERAL (
        SELECT v.at FROM portfolio.value AS v
        WHERE v.account = starts.account AND v.at > starts.at ORDER BY v.at LIMIT 1
    ) AS next ON true
)
SELECT DISTINCT v.at
FROM spans CROSS JOIN (SELECT account FROM fresh UNION ALL SELECT '') AS fresh
JOIN portfolio.value AS v
    ON v.account = fresh.account
    AND v.at >= lower(span) AND v.at < coalesce(upper(span), 'infinity')
UNION
SELECT at FROM failures;

-- totals --
-- The total of all accounts at these times.
WITH last AS MATERIALIZED (
    SELECT times.at, fresh.account, known.at AS known_at, known.value, known.certainty,
           known.carried, known.unexplained, known.unpriced, known.state,
           known.at < times.at - %(late)s OR EXISTS (
               SELECT FROM alphapulse.sync_log AS failure
               WHERE failure.account = fresh.account AND failure.dataset = 'balances'
                 AND failure.status = 'failed' AND failure.finished_at <= times.at
                 AND failure.finished_at > coalesce(known.at, '-infinity')) AS failed
    FROM times CROSS JOIN fresh
    LEFT JOIN LATERAL (
        SELECT * FROM portfolio.value AS v
        WHERE v.account = fresh.account AND v.at <= times.at ORDER BY v.at DESC LIMIT 1
    ) AS known ON true
    WHERE fresh.deployed OR times.at <= fresh.up_to
), sure AS (
    SELECT *, abs(value) AS weight, certainty * CASE WHEN failed THEN greatest(0,
               1 - extract(EPOCH FROM at - known_at) / extract(EPOCH FROM %(fades)s::interval))
               ELSE 1 END AS now_certain
    FROM last WHERE known_at IS NOT NULL
), unread AS (
    SELECT at, count(*) AS accounts FROM last WHERE known_at IS NULL AND failed GROUP BY at
), unpriced AS (
    SELECT at, array_agg(DISTINCT asset ORDER BY asset) AS assets
    FROM last CROSS JOIN unnest(unpriced) AS asset GROUP BY at
), sums AS (
    SELECT at, sum(value) AS value, count(*) AS accounts,
           coalesce(sum(weight * now_certain) / nullif(sum(weight), 0), min(now_certain))
               AS certainty,
           sum(CASE WHEN failed THEN value ELSE carried END) AS carried,
           sum(unexplained) AS unexplained,
           bool_or(failed OR state = 'carried') AS rests, bool_or(state = 'partial') AS partial
    FROM sure GROUP BY at
), gone AS (
    DELETE FROM portfolio.value AS v USING times
    WHERE v.account = '' AND v.at = times.at AND v.at NOT IN (SELECT at FROM sums)
)
INSERT INTO portfolio.value AS v
    (account, at, value, certainty, carried, unexplained, unpriced, state)
SELECT '', at, trim_scale(value),
       round(certainty * sums.accounts / (sums.accounts + coalesce(unread.accounts, 0)), 4),
       trim_scale(carried), trim_scale(unexplained), coalesce(unpriced.assets, '{}'),
       CASE WHEN partial OR unread.at IS NOT NULL THEN 'partial'
            WHEN rests THEN 'carried' ELSE 'known' END
FROM sums LEFT JOIN unread USING (at) LEFT JOIN unpriced USING (at)
ON CONFLICT (account, at) DO UPDATE SET value = excluded.value, certainty = excluded.certainty,
    carried = excluded.carried, unexplained = excluded.unexplained, unpriced = excluded.unpriced,
    state = excluded.state
WHERE (v.value, v.certainty, v.carried, v.unexplained, v.unpriced, v.state)
    IS DISTINCT FROM (excluded.value, excluded.certainty, excluded.carried, excluded.unexplained,
                      excluded.unpriced, excluded.state);

-- record_progress --
-- The newest snapshots that are valued.
INSERT INTO portfolio.valued AS v (account, balances_at, positions_at, deployed)
SELECT account, up_to, positions_up_to, deployed FROM fresh WHERE up_to IS NOT NULL
ON CONFLICT (account) DO UPDATE SET balances_at = excluded.balances_at,
    positions_at = excluded.positions_at, deployed = excluded.deployed
WHERE (v.balances_at, v.positions_at, v.deployed)
    IS DISTINCT FROM (excluded.balances_at, excluded.positions_at, excluded.deployed);

-- newest --
-- The current total.
SELECT value, certainty, carried, unexplained, state FROM portfolio.value
WHERE account = '' ORDER BY at DESC LIMIT 1;

-- total --
-- The current total as the summary shows it.
SELECT at, value, certainty, doubt, carried, unpriced FROM portfolio.value
WHERE account = '' ORDER BY at DESC LIMIT 1;
