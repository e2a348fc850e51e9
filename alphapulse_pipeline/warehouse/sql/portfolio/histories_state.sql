-- Whether the histories that move balances are complete between two times: final; provisional: a
-- later sync may bring rows; partial: rows are missing that no sync will bring. With the reason.

CREATE OR REPLACE FUNCTION portfolio.histories_state(
    account_ text, after_ timestamptz, until_ timestamptz
) RETURNS TABLE (state text, reason text) LANGUAGE sql STABLE AS $$
    WITH histories AS (
        SELECT h.dataset, d.deployed, d.supported, s.since, s.until
        FROM unnest(ARRAY[{histories}]::text[]) AS h (dataset)
        LEFT JOIN alphapulse.datasets AS d ON d.account = account_ AND d.dataset = h.dataset
        LEFT JOIN LATERAL (
            SELECT min(lower(wanted)) AS since, max(upper(wanted)) AS until
            FROM alphapulse.streams AS s
            WHERE s.account = account_ AND s.dataset = h.dataset AND NOT isempty(s.wanted)
        ) AS s ON TRUE
        WHERE coalesce(d.supported, TRUE)
    )
    SELECT state, reason FROM (
        SELECT 1 AS place, 'provisional' AS state, dataset || ' are not synced yet' AS reason
        FROM histories WHERE deployed AND until IS NULL
        UNION ALL
        SELECT 2, 'provisional', dataset || ' are synced up to ' || portfolio.shown(until) || ' only'
        FROM histories WHERE deployed AND until < until_
        UNION ALL
        SELECT 3, 'provisional', 'gap in ' || dataset || ': ' || reason
        FROM alphapulse.coverage_gaps
        WHERE account = account_ AND gap && tstzrange(after_, until_)
          AND dataset IN (SELECT dataset FROM histories)
        UNION ALL
        SELECT 4, 'partial', dataset || ' of this account are not synced'
        FROM histories WHERE deployed IS NOT TRUE
        UNION ALL
        SELECT 5, 'partial', 'the histories begin on ' || portfolio.shown(max(since))
        FROM histories HAVING max(since) > after_ + interval '1 microsecond'
        UNION ALL
        SELECT 6, 'partial', dataset || ' of this time are unreachable: ' || reason
        FROM alphapulse.coverage_unreachable
        WHERE account = account_ AND gap && tstzrange(after_, until_)
          AND dataset IN (SELECT dataset FROM histories)
        UNION ALL
        SELECT 7, 'final', ''
    ) AS found
    ORDER BY place, reason LIMIT 1
$$;
