-- The times that are wanted, not covered, and not known to be unreachable, with the reason. A
-- stream that the account does not have has no gaps.

CREATE OR REPLACE VIEW alphapulse.coverage_gaps AS
SELECT
    s.account, s.dataset, s.stream, missing.gap, coalesce(c.last_failure, 'never asked') AS reason
FROM alphapulse.streams AS s
LEFT JOIN alphapulse.coverage AS c USING (account, dataset, stream)
CROSS JOIN LATERAL unnest(
    tstzmultirange(s.wanted) - coalesce(c.covered, '{}') - coalesce(c.unreachable, '{}')
) AS missing (gap)
WHERE NOT EXISTS (
    SELECT FROM alphapulse.skipped AS n
    WHERE
        n.account = s.account AND n.dataset = s.dataset AND n.part = s.stream
        AND n.state <> 'closed'
);
