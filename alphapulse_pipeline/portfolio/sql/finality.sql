-- unread --
-- From when on rows of an account may still arrive, and from when on some are lost. Read before the
-- entries: rows are committed together with their coverage, so all that is covered is matched.
CREATE TEMP TABLE unread ON COMMIT DROP AS
SELECT DISTINCT ON (u.account, u.lost) u.account, u.lost,
       coalesce(lower(u.span), timestamptz '0001-01-01 UTC') AS since,
       CASE
           WHEN u.lost AND upper_inf(u.span) THEN u.dataset || ' ' || u.reason
           WHEN u.lost THEN format('%s lost up to %s: %s', u.dataset,
                                   to_char(upper(u.span) AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI'),
                                   u.reason)
           WHEN s.coverage < 1 THEN format('%s %s %% loaded', u.dataset, trunc(100 * s.coverage))
           WHEN lower_inf(u.span) THEN u.dataset || ' ' || u.reason
           ELSE format('%s read up to %s', u.dataset,
                       to_char(lower(u.span) AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI'))
       END AS reason
FROM portfolio.unread AS u
LEFT JOIN alphapulse.sync_status AS s USING (account, dataset)
WHERE u.moves
ORDER BY u.account, u.lost, lower(u.span) NULLS FIRST, s.coverage;

-- bounds --
-- From when on what is matched is not final, one row per cause; the asset '' is all of them.
-- What was held before the first entry is the first snapshot less all entries up to it, so nothing
-- is final until these are read. Ledger entries and rows are compared over two minutes, those of
-- transfers over two days: as long may a transfer find its counterpart in a different account.
CREATE TEMP TABLE bounds (account text, asset text, state text, since timestamptz, reason text,
    place integer) ON COMMIT DROP;

-- bound_by_gaps --
-- Where the histories or the first snapshot are not read.
INSERT INTO bounds
WITH opened AS (
    SELECT k.account, greatest(k.opened_at, k.positioned_at) AS at,
           k.opened_at IS NULL OR k.positioned_at IS NULL AND EXISTS (
               SELECT FROM alphapulse.datasets AS d WHERE d.account = k.account
               AND d.dataset = 'positions' AND d.supported AND d.deployed) AS missing
    FROM portfolio.lot_accounts AS k
)
SELECT u.account, '', CASE WHEN u.lost THEN 'partial' ELSE 'provisional' END,
       CASE WHEN u.since > o.at + interval '2 minutes' THEN u.since - interval '2 minutes'
            ELSE timestamptz '0001-01-01 UTC' END, u.reason, 1
FROM unread AS u INNER JOIN opened AS o USING (account)
UNION ALL
SELECT o.account, '', 'provisional', timestamptz '0001-01-01 UTC', 'no snapshot of the holdings', 2
FROM opened AS o WHERE o.missing
UNION ALL
SELECT o.account, '', 'provisional', timestamptz '0001-01-01 UTC', 'histories not synced', 0
FROM opened AS o WHERE NOT EXISTS (SELECT FROM alphapulse.streams AS s WHERE s.account = o.account);

-- bound_by_prices --
-- Where a fill of any account that is not read yet can change a price. Before its first price an
-- asset counts at that one, which is known once everything before it is read.
INSERT INTO bounds
WITH priced AS (
    SELECT coalesce((SELECT r.covered_until FROM portfolio.refreshed AS r WHERE r.name = 'prices'),
                    timestamptz '0001-01-01 UTC') AS until
), first AS (
    SELECT used.asset, p.at
    FROM (
        SELECT asset FROM portfolio.matched_sums UNION SELECT asset FROM portfolio.bridges
    ) AS used
    LEFT JOIN LATERAL (
        SELECT at FROM portfolio.prices WHERE prices.asset = used.asset ORDER BY at LIMIT 1
    ) AS p ON TRUE
    CROSS JOIN priced
    WHERE NOT portfolio.is_position(used.asset) AND coalesce(p.at >= priced.until, TRUE)
)
SELECT k.account, '', 'provisional',
       greatest(priced.until - interval '2 minutes', timestamptz '0001-01-01 UTC'),
       'prices known up to ' || to_char(priced.until AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI'), 3
FROM portfolio.lot_accounts AS k CROSS JOIN priced
UNION ALL
SELECT k.account, CASE WHEN money.used THEN '' ELSE first.asset END,
       CASE WHEN first.at IS NULL THEN 'partial' ELSE 'provisional' END,
       timestamptz '0001-01-01 UTC',
       CASE WHEN first.at IS NULL THEN 'no price of ' ELSE 'first price of ' END || first.asset
       || CASE WHEN first.at IS NULL THEN '' ELSE ' not settled' END, 4
FROM first CROSS JOIN portfolio.lot_accounts AS k
CROSS JOIN LATERAL (SELECT exists(
    SELECT FROM alphapulse.markets AS m WHERE m.quote = first.asset OR m.settle = first.asset
) AS used) AS money
WHERE money.used OR first.at IS NOT NULL;

-- bound_by_transfers --
-- Transfers that may still change: not completed, not yet paired between two accounts, or not yet
-- compared with the ledger.
INSERT INTO bounds
WITH read AS (
    SELECT k.account, coalesce(u.since, timestamptz '9999-12-31 UTC') AS until,
           portfolio.covered_until(FALSE) AS all_until
    FROM portfolio.lot_accounts AS k
    LEFT JOIN unread AS u ON u.account = k.account AND NOT u.lost
)
SELECT t.account, a.asset, 'provisional', min(moved.at), 'transfers of the last two days', 5
FROM read
INNER JOIN alphapulse.transfers AS t
    ON t.account = read.account AND t.happened_at > read.all_until - interval '62 days'
CROSS JOIN LATERAL (
    SELECT CASE t.kind WHEN 'deposit' THEN coalesce(t.updated_at, t.happened_at)
                       ELSE t.happened_at END AS at
) AS moved
CROSS JOIN LATERAL unnest(ARRAY[t.asset, t.fee_currency]) AS a (asset)
WHERE moved.at > read.all_until - interval '2 days' AND a.asset <> ''
GROUP BY t.account, a.asset
UNION ALL
SELECT l.account, l.asset, 'provisional', min(l.happened_at), 'transfers of the last two days', 5
FROM read
INNER JOIN alphapulse.ledger AS l
    ON l.account = read.account AND l.happened_at > read.until - interval '2 days'
WHERE read.until > timestamptz '0001-01-01 UTC'
  AND alphapulse.repeated_history(l.class) = 'transfers'
GROUP BY l.account, l.asset;

-- bound_by_pending --
-- Transfers that are read again until they end: a deposit counts from its time on once it arrives.
INSERT INTO bounds
SELECT t.account, a.asset, 'provisional', min(t.happened_at), 'a transfer is pending', 5
FROM portfolio.lot_accounts AS k
INNER JOIN alphapulse.transfers AS t
    ON t.account = k.account AND t.happened_at > now() - {settles_within}
CROSS JOIN LATERAL unnest(ARRAY[t.asset, t.fee_currency]) AS a (asset)
WHERE ({unsettled}) AND a.asset <> ''
GROUP BY t.account, a.asset;

-- bound_by_origin --
-- What came from a different own account has its cost there, and is final once that is. All
-- accounts among which an asset moved are final together.
INSERT INTO bounds
WITH groups AS (
    SELECT asset, account FROM portfolio.own_transfers
    UNION SELECT asset, from_account FROM portfolio.own_transfers
), first AS (
    SELECT groups.asset, b.state, min(b.since) AS since,
           (array_agg(b.account || ': ' || b.reason
                      ORDER BY b.since, b.place, b.account, b.reason))[1] AS reason
    FROM groups INNER JOIN bounds AS b ON b.account = groups.account
        AND b.asset IN ('', groups.asset)
    GROUP BY groups.asset, b.state
)
SELECT o.account, o.asset, first.state, min(o.arrived_at), first.reason, 6
FROM portfolio.own_transfers AS o INNER JOIN first USING (asset)
WHERE o.left_at >= first.since
GROUP BY o.account, o.asset, first.state, first.reason;

-- overall --
-- The realized profit of an account (or of all, '') in a period, how much of it is final, up to
-- when everything is, and why what follows is not. NULL up to when nothing is.
SELECT sums.pnl, sums.final,
       CASE WHEN f.final_until > timestamptz '0001-01-01 UTC'
            THEN least(f.final_until, ends.at) END AS final_until,
       s.state,
       concat_ws('; ', CASE WHEN f.provisional_from <= ends.at THEN f.provisional_reason END,
                 CASE WHEN f.partial_from <= ends.at THEN f.partial_reason END) AS reason
FROM portfolio.finality AS f
CROSS JOIN (SELECT least(now(), %(until)s::timestamptz) AS at) AS ends
CROSS JOIN LATERAL portfolio.state_at(f, ends.at, TRUE) AS s
CROSS JOIN (
    SELECT sum(r.pnl) AS pnl, coalesce(sum(r.pnl) FILTER (WHERE r.state = 'final'), 0) AS final
    FROM portfolio.realized_pnl AS r
    WHERE %(account)s::text IN ('', r.account)
      AND r.realized_at >= %(since)s::timestamptz AND r.realized_at < %(until)s::timestamptz
) AS sums
WHERE f.account = %(account)s AND f.asset = '';

-- why --
-- Up to when everything is final, as far as anything is, and why what follows is not.
SELECT CASE WHEN final_until > timestamptz '0001-01-01 UTC'
            THEN to_char(least(final_until, now()) AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI')
            ELSE '' END,
       CASE WHEN provisional_from <= partial_from THEN provisional_reason ELSE partial_reason END
FROM portfolio.finality WHERE account = '' AND asset = '';

-- forget --
-- The old rows.
DELETE FROM portfolio.finality;

-- store --
-- One row per book and asset; the asset '' is a whole book, the account '' all of them.
INSERT INTO portfolio.finality (account, asset, provisional_from, partial_from, provisional_reason,
    partial_reason, last_entry)
WITH books AS (
    SELECT account AS book, asset FROM portfolio.matched_sums
    UNION SELECT book, '' FROM members
    UNION SELECT account, '' FROM members
    UNION SELECT '', ''
), causes AS (
    SELECT books.book, books.asset, b.state, b.since, b.place,
           CASE WHEN books.book = '' THEN b.account || ': ' ELSE '' END || b.reason AS reason
    FROM books
    INNER JOIN members AS m ON books.book IN ('', m.account)
    INNER JOIN bounds AS b ON b.account = m.account
        AND (books.asset = '' OR b.asset IN ('', books.asset))
)
SELECT books.book, books.asset,
       coalesce(min(c.since) FILTER (WHERE c.state = 'provisional'), '9999-12-31 UTC'),
       coalesce(min(c.since) FILTER (WHERE c.state = 'partial'), '9999-12-31 UTC'),
       coalesce((array_agg(c.reason ORDER BY c.since, c.place, c.reason)
                 FILTER (WHERE c.state = 'provisional'))[1], ''),
       coalesce((array_agg(c.reason ORDER BY c.since, c.place, c.reason)
                 FILTER (WHERE c.state = 'partial'))[1], ''),
       greatest(
           (SELECT l.realized_at FROM portfolio.matched_lines AS l
            WHERE l.account = books.book AND l.asset = books.asset
            ORDER BY l.realized_at DESC LIMIT 1),
           (SELECT l.entered_at FROM portfolio.matched_lots AS l
            WHERE l.account = books.book AND l.asset = books.asset
            ORDER BY l.entered_at DESC LIMIT 1),
           timestamptz '0001-01-01 UTC'
       )
FROM books LEFT JOIN causes AS c USING (book, asset)
GROUP BY books.book, books.asset;
