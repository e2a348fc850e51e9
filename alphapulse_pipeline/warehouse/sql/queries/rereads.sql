-- due --
-- The times that no run has read again yet, oldest request first.
SELECT id, asset, listed_in, starts_at, ends_at, reason FROM alphapulse.rereads
WHERE account = %(account)s AND dataset = %(dataset)s AND asked_at IS NULL
ORDER BY id;

-- asked --
-- Record that the exchange was asked, and what could not be.
UPDATE alphapulse.rereads SET asked_at = clock_timestamp(), outcome = nullif(%(outcome)s, '')
WHERE id = %(id)s;

-- failed --
-- Count a run that failed; after too many, leave it at that.
UPDATE alphapulse.rereads SET
    failures = failures + 1,
    outcome = %(outcome)s,
    asked_at = CASE WHEN failures + 1 >= %(most)s THEN clock_timestamp() END
WHERE id = %(id)s;

-- imported --
-- The streams of which an imported file proves a part of a range, not the exchange.
SELECT stream FROM alphapulse.coverage
WHERE account = %(account)s AND dataset = %(dataset)s AND imported && %(times)s::tstzrange;
