-- The times of each history from which rows may still arrive, or never will (lost), with the
-- reason. A stream has not been read after its last request, except where nobody could trade.

-- moves is whether the history's rows change balances. The times of rejected rows are gaps.
CREATE OR REPLACE VIEW portfolio.unread AS
WITH histories (dataset, moves) AS (
    VALUES {histories}
), accounts AS (
    SELECT d.account, bool_or(d.deployed) AS deployed
    FROM alphapulse.datasets AS d WHERE d.exchange <> '' GROUP BY d.account
), listed AS (
    SELECT m.account, max(m.seen_at) AS at FROM alphapulse.markets AS m GROUP BY m.account
), streams AS (
    SELECT
        s.account, s.dataset, s.stream, h.moves, s.wanted, c.last_failure, c.unreachable_reason,
        coalesce(c.covered, '{}') AS covered,
        coalesce(c.unreachable, '{}') AS unreachable,
        CASE
            WHEN NOT coalesce(a.deployed, FALSE) THEN '{}'
            WHEN isempty(s.wanted) THEN '{(,)}'
            WHEN m.active THEN tstzmultirange(tstzrange(upper(s.wanted), NULL))
            ELSE tstzmultirange(tstzrange(greatest(upper(s.wanted), l.at), NULL))
        END::tstzmultirange AS tail
    FROM alphapulse.streams AS s
    INNER JOIN histories AS h USING (dataset)
    LEFT JOIN alphapulse.coverage AS c USING (account, dataset, stream)
    LEFT JOIN accounts AS a USING (account)
    LEFT JOIN listed AS l USING (account)
    LEFT JOIN alphapulse.markets AS listing
        ON listing.account = s.account AND listing.market = split_part(s.stream, ' ', 2)
    CROSS JOIN LATERAL (SELECT coalesce(listing.active, TRUE) AS active) AS m
    WHERE NOT EXISTS (
        SELECT FROM alphapulse.skipped AS n
        WHERE
            n.account = s.account AND n.dataset = s.dataset AND n.part = s.stream
            AND n.state <> 'closed'
    )
)
SELECT
    account, dataset, stream, moves, FALSE AS lost, missing.span,
    CASE
        WHEN isempty(wanted) THEN 'not read yet'
        WHEN lower(missing.span) >= upper(wanted) THEN 'not read since then'
        ELSE coalesce(last_failure, 'not read yet')
    END AS reason
FROM streams
CROSS JOIN LATERAL unnest(
    tstzmultirange(wanted) - covered - unreachable + (tail - covered)
) AS missing (span)
UNION ALL
SELECT
    account, dataset, stream, moves, TRUE, lost.span,
    coalesce(unreachable_reason, 'the exchange no longer serves it')
FROM streams
CROSS JOIN LATERAL unnest(tstzmultirange(wanted) * unreachable - covered) AS lost (span)
UNION ALL
SELECT
    a.account, h.dataset, '', h.moves, d.dataset IS NULL, tstzrange(NULL, NULL),
    CASE WHEN d.dataset IS NULL THEN 'not synced' ELSE 'not read yet' END
FROM accounts AS a
CROSS JOIN histories AS h
LEFT JOIN alphapulse.datasets AS d
    ON d.account = a.account AND d.dataset = h.dataset AND d.deployed
WHERE
    a.deployed AND coalesce(d.supported, TRUE)
    AND (d.dataset IS NULL OR NOT EXISTS (
        SELECT FROM alphapulse.streams AS s
        WHERE s.account = a.account AND s.dataset = h.dataset
    ) AND NOT EXISTS (
        SELECT FROM alphapulse.skipped AS n
        WHERE n.account = a.account AND n.dataset = h.dataset
    ) AND NOT EXISTS (
        -- an account that never held anything but the reporting currency
        SELECT FROM alphapulse.sync_log AS l
        WHERE
            l.account = a.account AND l.dataset = h.dataset AND l.status = 'completed'
            AND h.dataset = 'candles'
    ));
