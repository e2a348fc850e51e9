-- The times that are wanted, not covered, and not known to be unreachable, with the reason. A
-- stream that the account does not have has no gaps.

CREATE OR REPLACE VIEW alphapulse.coverage_gaps AS
SELECT
    s.account, s.dataset, s.stream, missing.gap,
    CASE
        WHEN missing.gap <@ r.gap THEN
            'a row of that time could not be read (alphapulse.rejected)'
        ELSE coalesce(c.last_failure, 'never asked')
    END AS reason
FROM alphapulse.streams AS s
LEFT JOIN alphapulse.coverage AS c USING (account, dataset, stream)
LEFT JOIN LATERAL (
    SELECT range_agg(gap) AS gap FROM alphapulse.rejected
    WHERE account = s.account AND dataset = s.dataset AND stream = s.stream
) AS r ON TRUE
CROSS JOIN LATERAL unnest(
    tstzmultirange(s.wanted) - coalesce(c.covered, '{}') - coalesce(c.unreachable, '{}')
) AS missing (gap)
WHERE NOT EXISTS (
    SELECT FROM alphapulse.skipped AS n
    WHERE
        n.account = s.account AND n.dataset = s.dataset AND n.part = s.stream
        AND n.state <> 'closed'
);
