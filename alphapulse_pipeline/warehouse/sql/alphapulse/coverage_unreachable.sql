-- The times that are wanted, not covered, and no longer served by the exchange, with the reason.

CREATE OR REPLACE VIEW alphapulse.coverage_unreachable AS
SELECT
    s.account, s.dataset, s.stream, lost.gap,
    coalesce(c.unreachable_reason, 'the exchange no longer serves it') AS reason
FROM alphapulse.streams AS s
INNER JOIN alphapulse.coverage AS c USING (account, dataset, stream)
CROSS JOIN LATERAL unnest(tstzmultirange(s.wanted) * c.unreachable - c.covered) AS lost (gap);
