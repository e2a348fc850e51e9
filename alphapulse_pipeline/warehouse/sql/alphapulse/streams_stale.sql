-- The streams that were not requested for 25 hours, or for eight days if nobody can trade in their
-- market. Each is requested at least once a day or once a week, even where a run requests only some
-- of them.

CREATE OR REPLACE VIEW alphapulse.streams_stale AS
SELECT account, dataset, stream, coalesce(upper(wanted), first_seen) AS last_asked
FROM alphapulse.streams AS s
WHERE
    coalesce(upper(wanted), first_seen) < now() - CASE
        WHEN EXISTS (
            SELECT FROM alphapulse.markets AS m
            WHERE
                m.account = s.account AND NOT m.active
                AND right(s.stream, length(m.market) + 1) = ' ' || m.market
        ) THEN interval '8 days'
        ELSE interval '25 hours'
    END
    AND NOT EXISTS (
        SELECT FROM alphapulse.skipped AS n
        WHERE n.account = s.account AND n.dataset = s.dataset AND n.part = s.stream
    );
