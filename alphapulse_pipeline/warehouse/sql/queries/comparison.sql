-- new --
-- Staged rows that the table does not hold yet.
SELECT {new_key}, given.{time}
FROM {stage} AS given
LEFT JOIN {table} AS t USING ({key})
WHERE t.account IS NULL
LIMIT {examples};

-- changed --
-- Staged rows that differ from the stored ones, column by column; then both totals. An update is a
-- difference only in columns that are expected to change, at a time when they may. Of the
-- exchange's JSON, which is long, only the names of the keys that differ are returned.
WITH differing AS (
    SELECT
        {own_key},
        given.{time} AS happened,
        changes.list,
        changes.names,
        {update_condition} AS may_update
    FROM {stage} AS given
    INNER JOIN {table} AS t USING ({key})
    CROSS JOIN LATERAL (
        SELECT
            jsonb_agg(jsonb_build_array(name, stored, given)) AS list,
            array_agg(name) AS names
        FROM (
            VALUES
            {changes},
            (
                'raw',
                NULL,
                CASE
                    WHEN
                        jsonb_typeof(t.raw) = 'object' AND jsonb_typeof(given.raw) = 'object'
                        THEN (
                            SELECT string_agg(key, ', ' ORDER BY key)
                            FROM jsonb_each(t.raw) AS a
                            FULL JOIN jsonb_each(given.raw) AS b USING (key)
                            WHERE a.value IS DISTINCT FROM b.value
                        )
                END,
                t.raw <> given.raw
            )
        ) AS one (name, stored, given, differs)
        WHERE differs
    ) AS changes
    WHERE ({stored}) IS DISTINCT FROM ({given}) {newer}
),

classified AS (
    SELECT
        *,
        may_update AND names <@ {updatable} AS updated
    FROM differing
)

SELECT
    {own_key},
    happened,
    list,
    updated,
    count(*) FILTER (WHERE NOT updated) OVER (),
    count(*) FILTER (WHERE updated) OVER ()
FROM classified AS t
ORDER BY updated, happened
LIMIT {examples};

-- compare --
-- The times at which a missing row counts as vanished, per market. A row does not carry its stream,
-- so every stream must have been read there; streams named `<kind> <market>` are the exception.
CREATE TEMP TABLE {read} AS
WITH one AS (
    SELECT
        coalesce(m.market, '') AS market,
        coalesce(proved.times, '{{}}') * tstzmultirange(%(window)s) AS times
    FROM alphapulse.streams AS s
    LEFT JOIN alphapulse.markets AS m
        ON
            m.account = s.account
            AND m.market = substring(s.stream FROM position(' ' IN s.stream) + 1)
            AND position(' ' IN s.stream) > 0
    LEFT JOIN unnest(%(streams)s::text[], %(times)s::tstzmultirange[]) AS proved (stream, times)
        USING (stream)
    WHERE s.account = %(account)s AND s.dataset = %(dataset)s AND wanted && %(window)s
)

SELECT
    market,
    range_intersect_agg(times) * coalesce(
        (SELECT range_intersect_agg(times) FROM one WHERE market = ''),
        tstzmultirange(%(window)s)
    ) AS times
FROM one
GROUP BY market;

-- vanished --
-- Stored rows that the exchange did not return again, and their number.
SELECT {own_key}, t.{time}, count(*) OVER ()
FROM {table} AS t
LEFT JOIN {read} AS own ON own.market = {market}
LEFT JOIN {read} AS shared ON shared.market = ''
WHERE
    account = %(account)s
    AND {time} >= %(start)s AND {time} < %(end)s
    AND origin = 'api'
    AND {time} <@ coalesce(own.times, shared.times, '{{}}')
    AND NOT EXISTS (SELECT FROM {keys} AS given WHERE {same})
    AND NOT EXISTS (
        SELECT FROM alphapulse.rejected AS r
        WHERE r.account = t.account AND r.dataset = %(dataset)s AND t.{time} <@ r.gap
    )
ORDER BY {time}
LIMIT {examples};

-- compared --
-- The times that were compared, for any market.
SELECT lower(times), upper(times)
FROM (SELECT unnest(range_agg(times)) AS times FROM {read}) AS read;
