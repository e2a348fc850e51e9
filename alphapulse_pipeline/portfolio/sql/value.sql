-- accounts_now --
-- Each account with its newest snapshots, and the newest ones that are valued.
CREATE TEMP TABLE accounts_now ON COMMIT DROP AS
SELECT d.account, d.deployed, known.balances_at AS since, balances.captured_at AS up_to,
       known.positions_at AS positions_since, positions.captured_at AS positions_up_to,
       (known.deployed IS DISTINCT FROM d.deployed) AS redeployed,
       exists(SELECT FROM alphapulse.datasets AS p
               WHERE p.account = d.account AND p.dataset = 'positions' AND p.supported)
           AS has_positions
FROM alphapulse.datasets AS d
LEFT JOIN LATERAL (
    SELECT captured_at FROM alphapulse.snapshots AS s
    WHERE s.account = d.account AND s.dataset = 'balances' ORDER BY captured_at DESC LIMIT 1
) AS balances ON TRUE
LEFT JOIN LATERAL (
    SELECT captured_at FROM alphapulse.snapshots AS s
    WHERE s.account = d.account AND s.dataset = 'positions' ORDER BY captured_at DESC LIMIT 1
) AS positions ON TRUE
LEFT JOIN portfolio.valued AS known ON known.account = d.account
WHERE d.dataset = 'balances';

-- final_until --
-- Up to when a point cannot change any more: what prices and reconciliation rest on is read, and
-- no difference is pending.
SELECT least(min(r.covered_until), (
    SELECT min(p.opened_at) FROM portfolio.reconciliation AS p WHERE p.state = 'pending'
)) FROM portfolio.refreshed AS r WHERE r.name IN ('prices', 'reconciliation')
HAVING count(*) = 2;

-- unexplained --
-- What the histories do not explain of each snapshot, in the reporting currency. Few rows, found by
-- an index: reconciled balances are not read.
CREATE TEMP TABLE unexplained ON COMMIT DROP AS
SELECT r.account, r.closed_at AS at,
       coalesce(sum(abs(r.residual * portfolio.price_at(r.asset, r.closed_at + %(alongside)s))), 0)
           AS value
FROM portfolio.reconciliation AS r WHERE r.state <> 'reconciled' GROUP BY r.account, r.closed_at;

-- points --
-- The snapshots to value: new ones, and those whose prices, positions or residuals changed. A price
-- counts from its time until the next one, the first of an asset before it as well: an asset that
-- had no price until now changes the points that were unpriced.
CREATE TEMP TABLE points ON COMMIT DROP AS
WITH changed AS (
    SELECT asset, at, FALSE AS deleted FROM portfolio.prices WHERE recorded_at >= %(since)s
    UNION ALL
    SELECT market, happened_at, TRUE FROM portfolio.rewritten
    WHERE dataset = 'prices' AND recorded_at >= %(since)s
), assets AS (
    SELECT asset, bool_or(deleted) OR (
        SELECT p.at FROM portfolio.prices AS p
        WHERE p.asset = changed.asset AND p.recorded_at < %(since)s ORDER BY p.at LIMIT 1
    ) IS NOT NULL AS known
    FROM changed GROUP BY asset
), spans AS (
    SELECT unnest(range_agg(tstzrange(
        CASE WHEN assets.known AND coalesce(changed.at <= (
            SELECT min(p.at) FROM portfolio.prices AS p WHERE p.asset = changed.asset), TRUE)
        THEN '-infinity' ELSE changed.at - %(alongside)s END,
        (SELECT min(p.at) - %(alongside)s FROM portfolio.prices AS p
         WHERE p.asset = changed.asset AND p.at > changed.at)
    ))) AS span
    FROM changed INNER JOIN assets USING (asset)
), ranges AS (
    SELECT account, since + interval '1 microsecond' AS start, 'infinity'::timestamptz AS ending
    FROM accounts_now
    UNION ALL
    SELECT account, (
        SELECT min(p.captured_at) - %(alongside)s FROM alphapulse.snapshots AS p
        WHERE p.account = accounts_now.account AND p.dataset = 'positions'
          AND p.captured_at > coalesce(accounts_now.positions_since, '-infinity')
    ), 'infinity' FROM accounts_now WHERE positions_since IS DISTINCT FROM positions_up_to
    UNION ALL
    SELECT account, lower(span), coalesce(upper(span), 'infinity')
    FROM accounts_now CROSS JOIN spans
)
SELECT ranges.account, s.captured_at AS at
FROM ranges INNER JOIN accounts_now USING (account)
CROSS JOIN LATERAL (
    SELECT captured_at FROM alphapulse.snapshots
    WHERE snapshots.account = ranges.account AND dataset = 'balances'
      AND captured_at >= coalesce(ranges.start, '-infinity') AND captured_at < ranges.ending
      AND captured_at <= accounts_now.up_to
    OFFSET 0
) AS s
UNION
SELECT v.account, v.at
FROM portfolio.value AS v
WHERE v.account <> '' AND v.unpriced <> '{}'
  AND v.unpriced && array(SELECT asset FROM assets WHERE NOT known)
UNION
SELECT v.account, v.at
FROM unexplained AS u
INNER JOIN portfolio.value AS v USING (account, at)
WHERE v.unexplained <> u.value
UNION
SELECT v.account, v.at
FROM portfolio.value AS v WHERE v.account <> '' AND v.unexplained <> 0
  AND NOT EXISTS (SELECT FROM unexplained AS u WHERE u.account = v.account AND u.at = v.at);

-- valued --
-- Value each of the points; `changed_points` lists those that changed.
CREATE TEMP TABLE changed_points ON COMMIT DROP AS
WITH read AS (
    SELECT points.*, positions.captured_at AS positions_at,
           accounts_now.has_positions AND positions.captured_at IS NULL AS lacking,
           CASE WHEN positions.captured_at < points.at - %(late)s
                THEN least(1, extract(EPOCH FROM points.at - positions.captured_at)
                              / extract(EPOCH FROM %(fades)s::interval)) END AS faded
    FROM points INNER JOIN accounts_now USING (account)
    LEFT JOIN LATERAL (
        SELECT captured_at FROM alphapulse.snapshots AS s
        WHERE s.account = points.account AND s.dataset = 'positions'
          AND s.captured_at <= points.at + %(alongside)s
        ORDER BY captured_at DESC LIMIT 1
    ) AS positions ON TRUE
), parts AS (
    SELECT account, at, asset, total - debt AS amount, FALSE AS late
    FROM points INNER JOIN alphapulse.balances AS b USING (account) WHERE b.captured_at = points.at
    UNION ALL
    SELECT account, at, parts.asset, parts.amount, faded IS NOT NULL
    FROM read CROSS JOIN LATERAL portfolio.position_parts(account, positions_at) AS parts
), held AS (
    SELECT account, at, asset, amount, late, amount * (known.found).price AS value,
           amount * ((known.found).other_price - (known.found).price) AS difference
    FROM parts CROSS JOIN LATERAL (
        SELECT found FROM (
            SELECT coalesce( -- the row of portfolio.price_at
                (SELECT p FROM portfolio.prices AS p
                 WHERE p.asset = parts.asset AND p.at <= parts.at + %(alongside)s
                 ORDER BY p.at DESC LIMIT 1),
                (SELECT p FROM portfolio.prices AS p
                 WHERE p.asset = parts.asset AND p.at > parts.at + %(alongside)s
                 ORDER BY p.at LIMIT 1)
            ) AS found
        ) AS looked_up
        OFFSET 0 -- looked up once
    ) AS known
    WHERE amount IS DISTINCT FROM 0
), disputes AS ( -- of what is held and owed in one asset, only the difference is uncertain
    SELECT account, at, sum(amount) AS value FROM (
        SELECT account, at, abs(sum(difference)) AS amount
        FROM held WHERE difference IS NOT NULL GROUP BY account, at, asset
    ) AS assets GROUP BY account, at
), sums AS (
    SELECT account, at, count(DISTINCT asset) AS assets,
           coalesce(array_agg(DISTINCT asset ORDER BY asset) FILTER (WHERE value IS NULL), '{}')
               AS unpriced,
           coalesce(sum(value), 0) AS value, coalesce(sum(abs(value)), 0) AS weight,
           coalesce(sum(value) FILTER (WHERE late), 0) AS carried,
           coalesce(sum(abs(value)) FILTER (WHERE late), 0) AS carried_weight,
           coalesce(bool_or(late), FALSE) AS late
    FROM held GROUP BY account, at
), calculated AS (
    SELECT read.account, read.at, coalesce(sums.value, 0) AS value,
           round(CASE WHEN sums.at IS NULL THEN CASE WHEN lacking THEN 0 ELSE 1 END
                      ELSE (assets - cardinality(unpriced))::numeric / (assets + lacking::int)
                           * (1 - coalesce(faded * carried_weight / nullif(weight, 0), 0))
                 END * CASE WHEN uncertain.value > 0
                            THEN greatest(0, 1 - coalesce(uncertain.value / nullif(weight, 0), 1))
                            ELSE 1 END, 4) AS confidence,
           coalesce(carried, 0) AS carried, coalesce(u.value, 0) AS unexplained,
           coalesce(d.value, 0) AS disputed,
           coalesce(unpriced, '{}') AS unpriced,
           CASE WHEN lacking OR unpriced <> '{}' THEN 'partial'
                WHEN late THEN 'carried'
                WHEN read.at < %(final_until)s THEN 'final' ELSE 'provisional' END AS state
    FROM read LEFT JOIN sums USING (account, at) LEFT JOIN unexplained AS u USING (account, at)
    LEFT JOIN disputes AS d USING (account, at)
    CROSS JOIN LATERAL (SELECT coalesce(u.value, 0) + coalesce(d.value, 0) AS value) AS uncertain
), changed AS (
    INSERT INTO portfolio.value AS v
        (account, at, value, confidence, carried, unexplained, disputed, unpriced, state)
    SELECT account, at, trim_scale(value), confidence, trim_scale(carried), trim_scale(unexplained),
           trim_scale(disputed), unpriced, state
    FROM calculated
    ON CONFLICT (account, at) DO UPDATE SET value = excluded.value,
        confidence = excluded.confidence, carried = excluded.carried,
        unexplained = excluded.unexplained, disputed = excluded.disputed,
        unpriced = excluded.unpriced, state = excluded.state
    WHERE (v.value, v.confidence, v.carried, v.unexplained, v.disputed, v.unpriced, v.state)
        IS DISTINCT FROM (excluded.value, excluded.confidence, excluded.carried,
                          excluded.unexplained, excluded.disputed, excluded.unpriced,
                          excluded.state)
    RETURNING account, at
)
SELECT * FROM changed;

-- times --
-- The times whose total changes: an account's point counts until its next one, and so does a
-- failure. A failure is new if it has no point yet; none becomes known more than a day late.
CREATE TEMP TABLE times ON COMMIT DROP AS
WITH failures AS (
    SELECT accounts_now.account, failure.finished_at AS at FROM accounts_now
    INNER JOIN alphapulse.sync_log AS failure
        ON failure.account = accounts_now.account AND failure.dataset = 'balances'
        AND failure.status = 'failed' AND failure.finished_at >= coalesce(
            (SELECT max(at) - interval '1 day' FROM portfolio.value WHERE account = ''),
            '-infinity')
        AND NOT EXISTS (SELECT FROM portfolio.value AS v
                        WHERE v.account = '' AND v.at = failure.finished_at)
), starts AS (
    SELECT account, at FROM changed_points
    UNION ALL
    SELECT account, at FROM failures
    UNION ALL
    SELECT account, up_to FROM accounts_now WHERE redeployed AND up_to IS NOT NULL
), spans AS (
    SELECT unnest(range_agg(
        tstzrange(starts.at, CASE WHEN open_ended THEN NULL ELSE next.at END))) AS span
    FROM (SELECT starts.*, accounts_now.up_to = starts.at AND accounts_now.redeployed AS open_ended
          FROM starts INNER JOIN accounts_now USING (account)) AS starts
    LEFT JOIN LATERAL (
        SELECT v.at FROM portfolio.value AS v
        WHERE v.account = starts.account AND v.at > starts.at ORDER BY v.at LIMIT 1
    ) AS next ON TRUE
)
SELECT DISTINCT v.at
FROM spans CROSS JOIN (SELECT account FROM accounts_now UNION ALL SELECT '') AS a
INNER JOIN portfolio.value AS v
    ON v.account = a.account
    AND v.at >= lower(span) AND v.at < coalesce(upper(span), 'infinity')
UNION
SELECT failure.finished_at -- older ones, before which no account had a point until now
FROM spans CROSS JOIN accounts_now
INNER JOIN alphapulse.sync_log AS failure
    ON failure.account = accounts_now.account AND failure.dataset = 'balances'
    AND failure.status = 'failed'
    AND failure.finished_at >= lower(span)
    AND failure.finished_at < coalesce(upper(span), 'infinity')
UNION
SELECT at FROM failures;

-- totals --
-- The total of all accounts at these times.
WITH last AS MATERIALIZED (
    SELECT times.at, accounts_now.account, known.at AS known_at, known.value, known.confidence,
           known.carried, known.unexplained, known.disputed, known.unpriced, known.state,
           known.at < times.at - %(late)s OR EXISTS (
               SELECT FROM alphapulse.sync_log AS failure
               WHERE failure.account = accounts_now.account AND failure.dataset = 'balances'
                 AND failure.status = 'failed' AND failure.finished_at <= times.at
                 AND failure.finished_at > coalesce(known.at, '-infinity')) AS failed
    FROM times CROSS JOIN accounts_now
    LEFT JOIN LATERAL (
        SELECT * FROM portfolio.value AS v
        WHERE v.account = accounts_now.account AND v.at <= times.at ORDER BY v.at DESC LIMIT 1
    ) AS known ON TRUE
    WHERE accounts_now.deployed OR times.at <= accounts_now.up_to
), valued AS (
    SELECT *, abs(value) AS weight, confidence * CASE WHEN failed THEN greatest(0,
               1 - extract(EPOCH FROM at - known_at) / extract(EPOCH FROM %(fades)s::interval))
               ELSE 1 END AS confidence_now
    FROM last WHERE known_at IS NOT NULL
), unread AS (
    SELECT at, count(*) AS accounts FROM last WHERE known_at IS NULL AND failed GROUP BY at
), unpriced AS (
    SELECT at, array_agg(DISTINCT asset ORDER BY asset) AS assets
    FROM last CROSS JOIN unnest(unpriced) AS asset GROUP BY at
), sums AS (
    SELECT at, sum(value) AS value, count(*) AS accounts,
           coalesce(sum(weight * confidence_now) / nullif(sum(weight), 0), min(confidence_now))
               AS confidence,
           sum(CASE WHEN failed THEN value ELSE carried END) AS carried,
           sum(unexplained) AS unexplained, sum(disputed) AS disputed,
           bool_or(failed OR state = 'carried') AS any_carried,
           bool_or(state = 'partial') AS partial
    FROM valued GROUP BY at
), deleted AS (
    DELETE FROM portfolio.value AS v USING times
    WHERE v.account = '' AND v.at = times.at AND v.at NOT IN (SELECT at FROM sums)
)
INSERT INTO portfolio.value AS v
    (account, at, value, confidence, carried, unexplained, disputed, unpriced, state)
SELECT '', at, trim_scale(value),
       round(confidence * sums.accounts / (sums.accounts + coalesce(unread.accounts, 0)), 4),
       trim_scale(carried), trim_scale(unexplained), trim_scale(disputed),
       coalesce(unpriced.assets, '{}'),
       CASE WHEN partial OR unread.at IS NOT NULL THEN 'partial'
            WHEN any_carried THEN 'carried'
            WHEN at < %(final_until)s THEN 'final' ELSE 'provisional' END
FROM sums LEFT JOIN unread USING (at) LEFT JOIN unpriced USING (at)
ON CONFLICT (account, at) DO UPDATE SET value = excluded.value, confidence = excluded.confidence,
    carried = excluded.carried, unexplained = excluded.unexplained, disputed = excluded.disputed,
    unpriced = excluded.unpriced, state = excluded.state
WHERE (v.value, v.confidence, v.carried, v.unexplained, v.disputed, v.unpriced, v.state)
    IS DISTINCT FROM (excluded.value, excluded.confidence, excluded.carried, excluded.unexplained,
                      excluded.disputed, excluded.unpriced, excluded.state);

-- settle --
-- Older points that are final by now.
UPDATE portfolio.value SET state = 'final' WHERE state = 'provisional' AND at < %(final_until)s;

-- record_progress --
-- The newest snapshots that are valued.
INSERT INTO portfolio.valued AS v (account, balances_at, positions_at, deployed)
SELECT account, up_to, positions_up_to, deployed FROM accounts_now WHERE up_to IS NOT NULL
ON CONFLICT (account) DO UPDATE SET balances_at = excluded.balances_at,
    positions_at = excluded.positions_at, deployed = excluded.deployed
WHERE (v.balances_at, v.positions_at, v.deployed)
    IS DISTINCT FROM (excluded.balances_at, excluded.positions_at, excluded.deployed);

-- newest --
-- The current total.
SELECT at, value, confidence, uncertainty, carried, unexplained, disputed, unpriced, state
FROM portfolio.value WHERE account = '' ORDER BY at DESC LIMIT 1;

-- disputes --
-- The disputed prices of what is held now, those that matter most first.
SELECT asset, price, source, other_price, other_source, sum(difference) AS difference
FROM portfolio.disputed WHERE %(account)s::text IN ('', account)
GROUP BY asset, price, source, other_price, other_source HAVING sum(difference) <> 0
ORDER BY sum(difference) DESC, asset;

-- by_account --
-- The assets that each deployed account holds, the most valuable first, and its current value.
SELECT held.account, held.assets, worth.value
FROM (
    SELECT account, array_agg(asset ORDER BY value DESC NULLS LAST, asset) AS assets
    FROM (
        SELECT b.account, b.asset, sum(h.value) AS value
        FROM (SELECT DISTINCT account, asset FROM alphapulse.balances_latest) AS b
        LEFT JOIN portfolio.holdings AS h
            ON h.account = b.account AND h.asset = b.asset AND h.kind = 'balance'
        GROUP BY b.account, b.asset
    ) AS valued
    GROUP BY account
) AS held
LEFT JOIN LATERAL (
    SELECT value FROM portfolio.value AS v
    WHERE v.account = held.account ORDER BY at DESC LIMIT 1
) AS worth ON TRUE
ORDER BY held.account;
