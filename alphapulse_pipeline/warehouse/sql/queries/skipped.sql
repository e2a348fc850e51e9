-- forget_outdated --
-- Delete the answers given to another key, and those that are too old: it is asked again.
DELETE FROM alphapulse.skipped
WHERE
    account = %(account)s AND wallet = ''
    AND (fingerprint <> %(fingerprint)s OR checked_at < now() - %(lasts)s::interval);

-- store --
-- Record a wallet, or a stream by itself, as skipped.
INSERT INTO alphapulse.skipped AS s
    (account, dataset, part, state, reason, fingerprint, checked_at)
VALUES (
    %(account)s, %(dataset)s, %(part)s, %(state)s, %(reason)s, %(fingerprint)s, now()
)
ON CONFLICT (account, dataset, part) DO UPDATE SET
    wallet = excluded.wallet,
    state = excluded.state,
    reason = excluded.reason,
    fingerprint = excluded.fingerprint,
    checked_at = excluded.checked_at;

-- restore_wallets --
-- Delete the wallets of a state that are no longer in it.
DELETE FROM alphapulse.skipped
WHERE
    account = %(account)s AND dataset = '' AND state = %(state)s
    AND NOT part = any(%(kept)s::text[]);

-- restore_closed --
-- Delete the streams that the key may not list by themselves.
DELETE FROM alphapulse.skipped
WHERE account = %(account)s AND dataset <> '' AND wallet = '' AND state = 'closed';

-- closed --
-- The streams of a dataset that the key may not list, and why.
SELECT part, reason FROM alphapulse.skipped
WHERE account = %(account)s AND dataset = %(dataset)s AND state = 'closed';

-- wallets --
-- The wallets that are skipped in every dataset.
SELECT part, state FROM alphapulse.skipped
WHERE account = %(account)s AND dataset = ''
ORDER BY part;

-- streams --
-- The streams of a dataset that are skipped by themselves.
SELECT part FROM alphapulse.skipped
WHERE account = %(account)s AND dataset = %(dataset)s AND wallet = '';

-- restore_streams --
-- Delete the streams of wallets that are read again.
DELETE FROM alphapulse.skipped AS s
WHERE
    s.account = %(account)s AND s.dataset = %(dataset)s AND s.wallet <> ''
    AND NOT EXISTS (
        SELECT FROM alphapulse.skipped AS w
        WHERE w.account = s.account AND w.dataset = '' AND w.part = s.wallet
    );

-- skip_streams --
-- Record the streams of skipped wallets: those that were read before, so that they have no gaps,
-- and all of a wallet that is closed. A stream that had rows is none of a wallet never opened.
INSERT INTO alphapulse.skipped AS s
    (account, dataset, part, wallet, state, reason, fingerprint, checked_at)
SELECT
    w.account, %(dataset)s, given.stream, w.part,
    CASE
        WHEN w.state = 'not_enabled' AND c.newest_row IS NOT NULL THEN 'closed' ELSE w.state
    END AS state,
    w.reason, w.fingerprint, w.checked_at
FROM unnest(%(streams)s::text[], %(wallets)s::text[]) AS given (stream, wallet)
INNER JOIN alphapulse.skipped AS w
    ON w.account = %(account)s AND w.dataset = '' AND given.wallet = w.part
LEFT JOIN alphapulse.streams AS known
    ON
        w.account = known.account AND known.dataset = %(dataset)s
        AND given.stream = known.stream
LEFT JOIN alphapulse.coverage AS c
    ON known.account = c.account AND known.dataset = c.dataset AND known.stream = c.stream
WHERE known.stream IS NOT NULL OR w.state = 'closed'
ON CONFLICT (account, dataset, part) DO UPDATE SET
    wallet = excluded.wallet,
    state = excluded.state,
    reason = excluded.reason,
    fingerprint = excluded.fingerprint,
    checked_at = excluded.checked_at;

-- not_enabled --
-- What accounts never opened and the wallets closed to them, by the exchange's words for it.
SELECT account, string_agg(DISTINCT part, ', ' ORDER BY part), reason
FROM alphapulse.skipped
WHERE
    account = any(%(accounts)s::text[]) AND wallet = ''
    AND (state = 'not_enabled' OR (state = 'closed' AND dataset = ''))
GROUP BY account, reason
ORDER BY account, reason;
