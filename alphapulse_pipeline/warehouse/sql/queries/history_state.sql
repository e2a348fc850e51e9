-- want --
-- Require a stream over a range. The start must not be lower(excluded.wanted): for an empty range
-- that is NULL, i.e. unbounded.
INSERT INTO alphapulse.streams AS s (account, dataset, stream, first_seen, source, wanted)
VALUES (%(account)s, %(dataset)s, %(stream)s, now(), %(source)s, tstzrange(%(start)s, %(end)s))
ON CONFLICT (account, dataset, stream) DO UPDATE
    SET wanted = tstzrange(%(start)s, greatest(upper(s.wanted), %(end)s));

-- gaps --
-- The gaps of all streams within a range, newest first.
SELECT stream, lower(gap), upper(gap)
FROM alphapulse.streams
LEFT JOIN alphapulse.coverage USING (account, dataset, stream)
CROSS JOIN LATERAL unnest(
    tstzmultirange(%(within)s) - coalesce(covered, '{}') - coalesce(unreachable, '{}')
) AS gap
WHERE account = %(account)s AND dataset = %(dataset)s
ORDER BY upper(gap) DESC, stream;

-- prove --
-- Cover a proven range, without the times of rejected rows, and store the time of the newest row
-- read.
INSERT INTO alphapulse.coverage AS c
    (account, dataset, stream, covered, newest_row, updated_at)
SELECT
    %(account)s, %(dataset)s, %(stream)s,
    tstzmultirange(%(covered)s) - coalesce(range_agg(r.gap), '{}'),
    %(newest)s::timestamptz, now()
FROM alphapulse.rejected AS r
WHERE r.account = %(account)s AND r.dataset = %(dataset)s AND r.stream = %(stream)s
ON CONFLICT (account, dataset, stream) DO UPDATE SET
    covered = c.covered + excluded.covered,
    imported = c.imported - excluded.covered,
    unreachable = c.unreachable - excluded.covered,
    updated_at = now(),
    newest_row = greatest(c.newest_row, excluded.newest_row),
    suspect_since = NULL,
    last_failure = NULL,
    last_failure_at = NULL;

-- cover_by_import --
-- Cover the wanted and missing times of a range for which an imported file is complete.
WITH added AS (
    SELECT stream, tstzmultirange(wanted * %(asserted)s) - coalesce(covered, '{}') AS times
    FROM alphapulse.streams
    LEFT JOIN alphapulse.coverage USING (account, dataset, stream)
    WHERE account = %(account)s AND dataset = %(dataset)s AND stream = any(%(streams)s)
),

stored AS (
    INSERT INTO alphapulse.coverage AS c
        (account, dataset, stream, covered, imported, updated_at)
    SELECT %(account)s, %(dataset)s, stream, times, times AS imported, now()
    FROM added
    WHERE NOT isempty(times)
    ON CONFLICT (account, dataset, stream) DO UPDATE SET
        covered = c.covered + excluded.covered,
        imported = c.imported + excluded.imported,
        unreachable = c.unreachable - excluded.covered,
        updated_at = now()
)

SELECT stream, lower(gap), upper(gap)
FROM added
CROSS JOIN LATERAL unnest(times) AS gap
ORDER BY lower(gap), stream;

-- mark_unreachable --
-- Record times that the exchange no longer serves, and why; covered times stay covered.
INSERT INTO alphapulse.coverage AS c
    (account, dataset, stream, unreachable, unreachable_reason, updated_at)
VALUES (%(account)s, %(dataset)s, %(stream)s, tstzmultirange(%(lost)s), %(reason)s, now())
ON CONFLICT (account, dataset, stream) DO UPDATE SET
    unreachable = (c.unreachable + excluded.unreachable) - c.covered,
    unreachable_reason = excluded.unreachable_reason,
    updated_at = now();

-- mark_reachable --
-- Discard the unreachable times of a stream, if they have this reason: they are gaps again.
UPDATE alphapulse.coverage SET
    unreachable = '{}',
    unreachable_reason = NULL,
    updated_at = now()
WHERE
    account = %(account)s AND dataset = %(dataset)s AND stream = %(stream)s
    AND unreachable_reason = %(reason)s;

-- reopen --
-- Discard the unreachable times of all other streams, if their reason begins like this: they become
-- gaps.
UPDATE alphapulse.coverage SET
    unreachable = '{}',
    unreachable_reason = NULL,
    updated_at = now()
WHERE
    account = %(account)s AND dataset = %(dataset)s
    AND starts_with(unreachable_reason, %(reason)s) AND NOT stream = any(%(closed)s::text[]);

-- record_failure --
-- Set the reason of all remaining gaps.
INSERT INTO alphapulse.coverage AS c
    (account, dataset, stream, last_failure, last_failure_at, updated_at)
SELECT DISTINCT account, dataset, stream, %(reason)s, now(), now()
FROM alphapulse.coverage_gaps
WHERE account = %(account)s AND dataset = %(dataset)s
ON CONFLICT (account, dataset, stream) DO UPDATE SET
    last_failure = excluded.last_failure,
    last_failure_at = excluded.last_failure_at,
    updated_at = now();

-- suspect --
-- Record that a stream does not return its known row; discard that row once it has expired.
UPDATE alphapulse.coverage SET
    updated_at = now(),
    suspect_since = coalesce(suspect_since, now()),
    newest_row = CASE WHEN suspect_since < now() - %(expires)s THEN NULL ELSE newest_row END
WHERE account = %(account)s AND dataset = %(dataset)s AND stream = %(stream)s;

-- streams --
-- All streams ever requested.
SELECT stream FROM alphapulse.streams
WHERE account = %(account)s AND dataset = %(dataset)s
ORDER BY stream;

-- read_until --
-- The end of the wanted range of each stream without a gap.
SELECT stream, upper(wanted)
FROM alphapulse.streams
INNER JOIN alphapulse.coverage USING (account, dataset, stream)
WHERE
    account = %(account)s AND dataset = %(dataset)s
    AND NOT isempty(wanted) AND wanted <@ (covered + unreachable);

-- covered_until --
-- The end of the newest covered range of any stream.
SELECT max(upper(covered)) FROM alphapulse.coverage
WHERE account = %(account)s AND dataset = %(dataset)s;

-- newest_row --
-- The time of the newest row ever read of a stream.
SELECT newest_row FROM alphapulse.coverage
WHERE account = %(account)s AND dataset = %(dataset)s AND stream = %(stream)s;

-- newest_id --
-- The id of the newest row of a market that the exchange must still return.
SELECT {id} FROM {table}
WHERE
    account = %(account)s AND market = %(market)s AND wallet = %(wallet)s
    AND {time} < %(before)s AND origin = 'api'
    AND (%(served)s::timestamptz IS NULL OR {time} >= %(served)s)
ORDER BY {time} DESC LIMIT 1;

-- newest_id_with_fills --
-- The same for orders, since exchanges drop unfilled orders early. Only numbers: a market's
-- conditional orders are listed apart, and have ids with a prefix.
SELECT {id} FROM {table}
WHERE
    account = %(account)s AND market = %(market)s AND wallet = %(wallet)s
    AND {time} < %(before)s AND origin = 'api'
    AND (%(served)s::timestamptz IS NULL OR {time} >= %(served)s)
    AND (filled > 0 OR {time} >= %(unfilled_since)s)
    AND {id} ~ '^[0-9]+$'
ORDER BY {time} DESC LIMIT 1;

-- newest_time --
-- The time of the newest row before a moment, of one market and wallet or of all of them.
SELECT max({time}) FROM {table}
WHERE account = %(account)s AND origin = 'api' AND {time} < %(before)s AND {condition};

-- unsettled --
-- The times of recent rows that were not final when last read.
SELECT DISTINCT {time}, {time} + interval '1 millisecond'
FROM {table}
WHERE account = %(account)s AND origin = 'api' AND ({condition}) AND {time} > now() - %(within)s
ORDER BY {time};

-- covered_time --
-- The covered time, summed over all streams.
SELECT coalesce(sum(upper(times) - lower(times)), interval '0')
FROM alphapulse.coverage
CROSS JOIN LATERAL unnest(covered) AS times
WHERE account = %(account)s AND dataset = %(dataset)s;

-- missing_time --
-- The missing and the wanted time, each summed over all streams.
SELECT
    (
        SELECT coalesce(sum(upper(gap) - lower(gap)), interval '0')
        FROM alphapulse.coverage_gaps
        WHERE account = %(account)s AND dataset = %(dataset)s
    ),
    (
        SELECT coalesce(sum(upper(wanted) - lower(wanted)), interval '0')
        FROM alphapulse.streams
        WHERE account = %(account)s AND dataset = %(dataset)s
    );

-- covered_share --
-- The covered share of the wanted time, rounded down; NULL if no time is wanted.
SELECT trunc(
    coalesce(sum(extract(EPOCH FROM upper(times) - lower(times))), 0)
    / (
        SELECT nullif(sum(extract(EPOCH FROM upper(wanted) - lower(wanted))), 0)
        FROM alphapulse.streams
        WHERE account = %(account)s AND dataset = %(dataset)s
    ),
    4
)
FROM (
    SELECT unnest(tstzmultirange(wanted) * covered) AS times
    FROM alphapulse.streams
    INNER JOIN alphapulse.coverage USING (account, dataset, stream)
    WHERE account = %(account)s AND dataset = %(dataset)s
) AS proven;

-- is_complete --
-- Whether the wanted part of a range has no gap.
SELECT NOT EXISTS (
    SELECT FROM alphapulse.coverage_gaps
    WHERE account = %(account)s AND dataset = %(dataset)s AND gap && %(within)s
);

-- no_history_requested --
-- Whether no history of an account was ever requested.
SELECT NOT EXISTS (SELECT FROM alphapulse.streams WHERE account = %(account)s);

-- newest_gap_before --
-- The newest gap before a time in any of the given datasets.
SELECT lower(older), upper(older)
FROM alphapulse.coverage_gaps
CROSS JOIN LATERAL (SELECT gap * tstzrange(NULL, %(before)s) AS older) AS cut
WHERE account = %(account)s AND dataset = any(%(datasets)s) AND NOT isempty(older)
ORDER BY upper(older) DESC LIMIT 1;
