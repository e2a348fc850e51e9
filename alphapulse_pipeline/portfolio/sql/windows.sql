-- find --
-- Pairs of snapshots that are new, and those around a time at which something has changed.
CREATE TEMP TABLE windows ON COMMIT DROP AS
WITH pairs AS (
    SELECT account, captured_at AS closed_at,
           lag(captured_at) OVER (PARTITION BY account ORDER BY captured_at) AS opened_at
    FROM alphapulse.snapshots WHERE dataset = %(dataset)s
)
SELECT pairs.account, pairs.opened_at, pairs.closed_at
FROM pairs LEFT JOIN {progress} AS known USING (account)
WHERE opened_at IS NOT NULL AND (known.closed_at IS NULL OR pairs.closed_at > known.closed_at)
UNION
SELECT changed.account, around.*
FROM changed CROSS JOIN LATERAL (
    SELECT
        (SELECT captured_at FROM alphapulse.snapshots AS s WHERE s.account = changed.account
         AND s.dataset = %(dataset)s AND s.captured_at < changed.happened_at
         ORDER BY captured_at DESC LIMIT 1) AS opened_at,
        (SELECT captured_at FROM alphapulse.snapshots AS s WHERE s.account = changed.account
         AND s.dataset = %(dataset)s AND s.captured_at >= changed.happened_at
         ORDER BY captured_at LIMIT 1) AS closed_at
) AS around
WHERE around.opened_at IS NOT NULL AND around.closed_at IS NOT NULL;

-- delete --
-- The windows' rows, which are about to be calculated again.
DELETE FROM {reconciled} AS r USING windows AS w
WHERE r.account = w.account AND r.closed_at = w.closed_at;
