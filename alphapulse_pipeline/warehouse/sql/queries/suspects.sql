-- stored_parts --
-- The parts of the newest snapshot that were never accepted as empty.
SELECT DISTINCT {part} AS part
FROM {relation} AS latest
WHERE
    account = %(account)s
    AND {part} IS NOT NULL
    AND NOT EXISTS (
        SELECT FROM alphapulse.suspects AS s
        WHERE
            s.account = latest.account AND s.dataset = %(dataset)s
            AND s.accepted AND s.part = {part}
    )
ORDER BY part;

-- clear --
-- Delete the suspects that are no longer reported empty.
DELETE FROM alphapulse.suspects
WHERE
    account = %(account)s AND dataset = %(dataset)s
    AND NOT accepted AND part <> all(%(parts)s);

-- count_run --
-- Count one more run in which parts were reported empty.
INSERT INTO alphapulse.suspects AS s (account, dataset, part, since, asked, accepted)
SELECT
    %(account)s,
    %(dataset)s,
    part,
    now(),
    1,
    FALSE
FROM unnest(%(parts)s::text[]) AS part
ON CONFLICT (account, dataset, part) DO UPDATE
    SET
        asked = s.asked + 1,
        accepted = s.asked + 1 >= %(runs)s AND s.since <= now() - %(min_age)s
RETURNING part, accepted;
