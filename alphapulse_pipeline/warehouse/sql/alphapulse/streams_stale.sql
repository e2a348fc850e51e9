-- The streams that were not requested for 25 hours. Each is requested at least once a day, even
-- where a run requests only some of them.

CREATE OR REPLACE VIEW alphapulse.streams_stale AS
SELECT account, dataset, stream, coalesce(upper(wanted), first_seen) AS last_asked
FROM alphapulse.streams AS s
WHERE
    coalesce(upper(wanted), first_seen) < now() - interval '25 hours'
    AND NOT EXISTS (
        SELECT FROM alphapulse.skipped AS n
        WHERE n.account = s.account AND n.dataset = s.dataset AND n.part = s.stream
    );
