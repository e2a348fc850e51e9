-- read_again --
-- What an earlier attempt rejected is forgotten where a range was read again: what still cannot be
-- read is rejected again by this attempt.
UPDATE alphapulse.rejected SET gap = gap - tstzmultirange(%(read)s)
WHERE
    account = %(account)s AND dataset = %(dataset)s AND stream = %(stream)s
    AND attempt <> %(attempt)s;

-- forget --
-- Delete the rows of earlier attempts whose times were all read again.
DELETE FROM alphapulse.rejected
WHERE
    account = %(account)s AND dataset = %(dataset)s AND stream = %(stream)s
    AND attempt <> %(attempt)s AND isempty(gap);

-- replace --
-- Forget what earlier attempts rejected in any list of a snapshot.
DELETE FROM alphapulse.rejected
WHERE account = %(account)s AND dataset = %(dataset)s AND attempt <> %(attempt)s;

-- store --
-- Record a rejected row once, however often it is read.
INSERT INTO alphapulse.rejected AS r
    (
        account, dataset, stream, row_id, happened_at, reason, raw, gap, attempt, first_seen,
        last_seen
    )
VALUES (
    %(account)s, %(dataset)s, %(stream)s, %(row_id)s, %(happened_at)s, %(reason)s, %(raw)s,
    %(gap)s, %(attempt)s, now(), now()
)
ON CONFLICT (account, dataset, stream, row_id) DO UPDATE SET
    happened_at = excluded.happened_at,
    reason = excluded.reason,
    gap = r.gap + excluded.gap,
    attempt = excluded.attempt,
    last_seen = excluded.last_seen;

-- uncover --
-- Coverage never includes the time of a rejected row, whatever proved it before.
UPDATE alphapulse.coverage SET covered = covered - %(gap)s, imported = imported - %(gap)s
WHERE
    account = %(account)s AND dataset = %(dataset)s AND stream = %(stream)s
    AND covered && %(gap)s;

-- known --
-- The rows that earlier attempts rejected.
SELECT stream, row_id FROM alphapulse.rejected
WHERE account = %(account)s AND dataset = %(dataset)s;

-- of_accounts --
-- How many rows of each dataset are rejected, and the newest of them. An open order is rejected for
-- each stream that will list it.
SELECT DISTINCT ON (account, dataset)
    account, dataset, stream, happened_at, reason,
    count(*) OVER (PARTITION BY account, dataset) AS rows
FROM (
    SELECT DISTINCT ON (account, dataset, row_id) *
    FROM alphapulse.rejected
    WHERE account = any(%(accounts)s::text[])
    ORDER BY account ASC, dataset ASC, row_id ASC, stream ASC
) AS r
ORDER BY account ASC, dataset ASC, happened_at DESC NULLS LAST, stream ASC;
