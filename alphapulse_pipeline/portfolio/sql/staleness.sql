-- same_settings --
-- Whether the stored lots were calculated with these settings.
SELECT FROM portfolio.lot_settings
WHERE currency = %(currency)s AND cost_basis = %(cost_basis)s
  AND across_accounts = %(across_accounts)s;

-- set_settings --
-- The settings of this calculation.
INSERT INTO portfolio.lot_settings (currency, cost_basis, across_accounts)
VALUES (%(currency)s, %(cost_basis)s, %(across_accounts)s)
ON CONFLICT (one) DO UPDATE SET currency = excluded.currency, cost_basis = excluded.cost_basis,
    across_accounts = excluded.across_accounts;

-- members --
-- Which book each account's lots are in; accounts whose rows were all deleted are included, so that
-- their lots are deleted as well.
CREATE TEMP TABLE members ON COMMIT DROP AS
SELECT account, CASE WHEN %(across_accounts)s THEN '' ELSE account END AS book
FROM (SELECT account FROM portfolio.accounts UNION SELECT account FROM portfolio.lot_accounts) AS a;

-- found --
-- Assets to recalculate and since when. `opens`: the change is before the first snapshot, and so
-- changes what was held before the first entry.
CREATE TEMP TABLE found (account text, asset text, since timestamptz, opens boolean)
ON COMMIT DROP;

-- new_entries --
-- Assets of new entries.
INSERT INTO found
SELECT m.account, a.asset, min(t.since),
       bool_or(t.since <= greatest(k.opened_at, k.positioned_at))
FROM members AS m LEFT JOIN portfolio.lot_accounts AS k USING (account)
CROSS JOIN LATERAL (
    SELECT * FROM portfolio.touched AS t WHERE t.account = m.account AND t.recorded_at >= %(since)s
    OFFSET 0
) AS t
CROSS JOIN LATERAL unnest(t.assets) AS a (asset)
GROUP BY m.account, a.asset;

-- rewritten_entries --
-- Entries that were changed or deleted. What they were before is not known: any asset of the book
-- may be concerned.
INSERT INTO found
SELECT r.account, c.asset, r.happened_at, r.opens
FROM (
    SELECT w.account, m.book, min(w.since) AS happened_at,
           bool_or(w.since <= greatest(k.opened_at, k.positioned_at)) AS opens
    FROM (
        SELECT *, happened_at - portfolio.reach(replace(dataset, 'ledger', 'transfers')) AS since
        FROM portfolio.rewritten
    ) AS w
    INNER JOIN members AS m USING (account)
    LEFT JOIN portfolio.lot_accounts AS k USING (account)
    WHERE w.recorded_at >= %(since)s AND w.dataset <> 'orders' GROUP BY w.account, m.book
) AS r
INNER JOIN portfolio.matched_sums AS c ON c.account = r.book;

-- changed_prices --
-- Assets whose entries were valued at a price that changed. The times of adjacent prices are one:
-- the first prices of an asset are thousands.
WITH changed AS MATERIALIZED (
    SELECT asset, lower(span) AS lower, upper(span) AS upper
    FROM (
        SELECT p.asset, unnest(range_agg(tstzrange(
                   CASE WHEN EXISTS (SELECT FROM portfolio.prices AS b
                                     WHERE b.asset = p.asset AND b.at < p.at)
                        THEN p.at ELSE '-infinity' END,
                   coalesce((SELECT min(n.at) FROM portfolio.prices AS n
                             WHERE n.asset = p.asset AND n.at > p.at), 'infinity')
               ))) AS span
        FROM (
            SELECT asset, at FROM portfolio.prices WHERE recorded_at >= %(since)s
            UNION
            SELECT market, happened_at FROM portfolio.rewritten
            WHERE dataset = 'prices' AND recorded_at >= %(since)s
        ) AS p
        GROUP BY p.asset
    ) AS spans
)
INSERT INTO found
SELECT m.account, a.asset, min(t.happened_at), FALSE
FROM members AS m
CROSS JOIN LATERAL (
    SELECT * FROM portfolio.touched AS t
    WHERE t.account = m.account AND t.until >= (SELECT min(lower) FROM changed)
    OFFSET 0
) AS t
INNER JOIN changed AS c
    ON c.asset = any(t.assets) AND t.until >= c.lower AND t.happened_at < c.upper
CROSS JOIN LATERAL unnest(t.assets) AS a (asset)
GROUP BY m.account, a.asset
UNION ALL
SELECT k.account, o.asset, k.begins_at, FALSE
FROM changed AS c INNER JOIN portfolio.openings AS o USING (asset)
INNER JOIN portfolio.lot_accounts AS k USING (account)
WHERE k.begins_at >= c.lower AND k.begins_at < c.upper;

-- accounts_now --
-- When each account's history begins, its first snapshots, and its wallets.
CREATE TEMP TABLE accounts_now ON COMMIT DROP AS
SELECT m.account, n.*, (k.account IS NULL OR (k.opened_at, k.positioned_at, k.wallets)
           IS DISTINCT FROM (n.opened_at, n.positioned_at, n.wallets)) AS other,
       (k.begins_at IS DISTINCT FROM n.begins_at) AS begins,
       coalesce(g.master, m.account) AS master,
       (k.master IS DISTINCT FROM coalesce(g.master, m.account)) AS regrouped
FROM members AS m LEFT JOIN portfolio.lot_accounts AS k USING (account)
LEFT JOIN portfolio.groups AS g USING (account)
CROSS JOIN LATERAL (
    SELECT least(portfolio.first_entry(m.account), f.opened_at, f.positioned_at, %(now)s)
               AS begins_at,
           f.opened_at, f.positioned_at, coalesce(s.seen_at, k.seen_at) AS seen_at,
           nullif(array(
               SELECT DISTINCT unnest(k.wallets || s.wallets) AS wallet ORDER BY wallet
           ), '{}') AS wallets
    FROM (SELECT (SELECT min(captured_at) FROM alphapulse.snapshots AS s
                  WHERE s.account = m.account AND s.dataset = 'balances') AS opened_at,
                 (SELECT min(captured_at) FROM alphapulse.snapshots AS s
                  WHERE s.account = m.account AND s.dataset = 'positions') AS positioned_at) AS f,
         (SELECT array_agg(DISTINCT wallet) AS wallets, max(captured_at) AS seen_at
          FROM alphapulse.balances AS b WHERE b.account = m.account
            AND b.captured_at > coalesce(k.seen_at, '-infinity')) AS s
) AS n;

-- set_accounts --
-- Remember them.
INSERT INTO portfolio.lot_accounts AS k
    (account, begins_at, opened_at, positioned_at, seen_at, wallets, master)
SELECT account, begins_at, opened_at, positioned_at, seen_at, wallets, master FROM accounts_now
ON CONFLICT (account) DO UPDATE SET begins_at = excluded.begins_at,
    opened_at = excluded.opened_at, positioned_at = excluded.positioned_at,
    seen_at = excluded.seen_at, wallets = excluded.wallets, master = excluded.master
WHERE (k.begins_at, k.opened_at, k.positioned_at, k.seen_at, k.wallets, k.master)
    IS DISTINCT FROM
    (excluded.begins_at, excluded.opened_at, excluded.positioned_at, excluded.seen_at,
     excluded.wallets, excluded.master);

-- changed_accounts --
-- Accounts whose first snapshot, wallets or beginning changed are recalculated from the beginning.
INSERT INTO found
SELECT n.account, c.asset, timestamptz '0001-01-01 UTC', FALSE
FROM accounts_now AS n INNER JOIN members AS m USING (account)
INNER JOIN portfolio.matched_sums AS c ON c.account = m.book WHERE n.other
UNION ALL
SELECT n.account, o.asset, timestamptz '0001-01-01 UTC', FALSE
FROM accounts_now AS n INNER JOIN portfolio.openings AS o USING (account) WHERE n.begins;

-- own_now --
-- What left one own account and arrived in another: a withdrawal and a deposit, by transaction id,
-- else by amount and time; the two halves of a transfer between accounts, which have one id;
-- entries of the ledgers of a master account and its sub-accounts, by amount and time.
CREATE TEMP TABLE own_now ON COMMIT DROP AS
WITH halves AS (
    SELECT account, 'transfer ' || transfer_id AS entry, asset, amount, transfer_id, happened_at,
           from_wallet || to_wallet AS wallet, from_wallet = '' AS arrived
    FROM alphapulse.transfers
    WHERE kind = 'transfer' AND (from_wallet = '') <> (to_wallet = '')
      AND status NOT IN ('failed', 'canceled')
), booked AS (
    SELECT k.master, l.account, l.wallet, l.kind || ' ' || l.entry_id AS entry, l.asset, l.amount,
           l.happened_at, l AS of_ledger
    FROM portfolio.lot_accounts AS k
    INNER JOIN alphapulse.ledger AS l ON l.account = k.account AND l.class = 'transfer'
    WHERE k.master IN (SELECT master FROM portfolio.lot_accounts
                       GROUP BY master HAVING count(*) > 1)
), booked_alike AS MATERIALIZED (
    SELECT d.account, d.wallet, d.entry, d.asset, d.amount, d.happened_at AS arrived_at,
           w.account AS from_account, w.wallet AS from_wallet, w.entry AS from_entry,
           w.happened_at AS left_at, d.of_ledger AS arrival, w.of_ledger AS departure
    FROM booked AS d INNER JOIN booked AS w
        ON w.master = d.master AND w.asset = d.asset AND w.amount = -d.amount
        AND w.account <> d.account
        AND d.happened_at >= w.happened_at AND d.happened_at < w.happened_at + interval '1 minute'
    WHERE d.amount > 0
), alike AS (
    SELECT d.account, d.wallet, d.entry, d.asset, d.amount, d.arrived_at,
           w.account AS from_account, w.wallet AS from_wallet, w.entry AS from_entry, w.left_at,
           d.txid = w.txid AS certain
    FROM (SELECT account, coalesce(to_wallet, '') AS wallet,
                 'deposit ' || transfer_id AS entry, asset, amount,
                 nullif(txid, '') AS txid, coalesce(updated_at, happened_at) AS arrived_at
          FROM alphapulse.transfers WHERE kind = 'deposit' AND status = 'ok') AS d
    INNER JOIN (SELECT account, coalesce(from_wallet, '') AS wallet,
                 'withdrawal ' || transfer_id AS entry, asset, amount,
                 nullif(txid, '') AS txid, happened_at AS left_at,
                 CASE WHEN fee_currency = asset THEN coalesce(fee_cost, 0) ELSE 0 END AS fee
          FROM alphapulse.transfers
          WHERE kind = 'withdrawal' AND status NOT IN ('failed', 'canceled')) AS w
        ON w.asset = d.asset AND w.account <> d.account AND d.arrived_at >= w.left_at
        AND d.arrived_at < w.left_at + interval '2 days'
        AND coalesce(d.txid = w.txid, d.amount = w.amount OR d.amount = w.amount - w.fee)
    UNION ALL
    SELECT d.account, d.wallet, d.entry, d.asset, d.amount, d.happened_at AS arrived_at,
           w.account AS from_account, w.wallet AS from_wallet, w.entry AS from_entry,
           w.happened_at AS left_at, TRUE
    FROM halves AS d INNER JOIN halves AS w USING (transfer_id, asset, amount)
    WHERE d.arrived AND NOT w.arrived AND d.account <> w.account
      AND d.happened_at >= w.happened_at
    UNION ALL
    SELECT account, wallet, entry, asset, amount, arrived_at,
           from_account, from_wallet, from_entry, left_at, NULL
    FROM booked_alike
    WHERE portfolio.counted(arrival) = amount AND portfolio.counted(departure) = -amount
), pairs AS (
    SELECT *, row_number() OVER (PARTITION BY account, entry
               ORDER BY certain DESC NULLS LAST, left_at DESC, from_account, from_entry)
                   AS of_arrival,
           row_number() OVER (PARTITION BY from_account, from_entry
               ORDER BY certain DESC NULLS LAST, arrived_at, account, entry) AS of_departure
    FROM alike
)
SELECT account, entry, asset, arrived_at, from_account, from_entry, left_at, amount, wallet,
       from_wallet
FROM pairs WHERE of_arrival = 1 AND of_departure = 1;

-- changed_own_transfers --
-- Pairs of them that are new or no longer hold.
WITH changed AS (
    (SELECT * FROM own_now EXCEPT SELECT * FROM portfolio.own_transfers)
    UNION (SELECT * FROM portfolio.own_transfers EXCEPT SELECT * FROM own_now)
)
INSERT INTO found
SELECT account, asset, arrived_at, FALSE FROM changed
UNION SELECT from_account, asset, left_at, FALSE FROM changed;

-- transfers_changed --
-- Whether any transfer changed, or which accounts belong together.
SELECT EXISTS (
    SELECT FROM members AS m WHERE EXISTS (
        SELECT FROM alphapulse.transfers AS t
        WHERE t.account = m.account AND t.recorded_at >= %(since)s)
    OR EXISTS (
        SELECT FROM alphapulse.ledger AS l
        WHERE l.account = m.account AND l.recorded_at >= %(since)s AND l.class = 'transfer')
) OR EXISTS (
    SELECT FROM portfolio.rewritten
    WHERE recorded_at >= %(since)s AND dataset IN ('transfers', 'ledger')
) OR EXISTS (SELECT FROM accounts_now WHERE regrouped);

-- openings_now --
-- What was held before the first entry: the first snapshot less all entries up to it. A loan adds
-- to what is held and to what is owed, so it is part of neither.
CREATE TEMP TABLE openings_now ON COMMIT DROP AS
WITH opened AS (
    SELECT account FROM accounts_now WHERE other OR begins
    UNION SELECT account FROM found WHERE opens
)
SELECT account, asset, sum(amount) AS amount
FROM (
    SELECT b.account, b.asset, b.total - b.debt AS amount
    FROM opened INNER JOIN portfolio.lot_accounts AS k USING (account)
    INNER JOIN alphapulse.balances AS b ON b.account = k.account AND b.captured_at = k.opened_at
    UNION ALL
    SELECT p.account, p.market, CASE p.side WHEN 'short' THEN -p.contracts ELSE p.contracts END
    FROM opened INNER JOIN portfolio.lot_accounts AS k USING (account)
    INNER JOIN alphapulse.positions AS p
        ON p.account = k.account AND p.captured_at = k.positioned_at
    UNION ALL
    SELECT l.account, l.asset, -l.amount
    FROM opened INNER JOIN portfolio.lot_accounts AS k USING (account)
    CROSS JOIN LATERAL portfolio.legs_between(
        k.account, '-infinity', greatest(k.opened_at, k.positioned_at)
    ) AS l
    WHERE l.stage > 0
      AND CASE WHEN alphapulse.kind_in_name(l.asset) <> 'spot' THEN l.happened_at <= k.positioned_at
               ELSE l.happened_at <= k.opened_at AND l.wallet = any(k.wallets) END
) AS amounts
GROUP BY account, asset;

-- changed_openings --
-- Assets whose opening amount changed.
INSERT INTO found
SELECT n.account, n.asset, timestamptz '0001-01-01 UTC', FALSE
FROM openings_now AS n LEFT JOIN portfolio.openings AS o USING (account, asset)
WHERE n.amount <> coalesce(o.amount, 0)
UNION ALL
SELECT o.account, o.asset, timestamptz '0001-01-01 UTC', FALSE FROM portfolio.openings AS o
WHERE o.account IN (SELECT account FROM openings_now)
  AND NOT EXISTS (SELECT FROM openings_now AS n WHERE n.account = o.account AND n.asset = o.asset);

-- delete_openings --
-- The openings that are replaced.
DELETE FROM portfolio.openings WHERE account IN (SELECT account FROM openings_now);

-- set_openings --
-- Their new amounts.
INSERT INTO portfolio.openings (account, asset, amount)
SELECT account, asset, amount FROM openings_now WHERE amount <> 0;

-- stale --
-- The assets to recalculate in each book, and since when. Lots that leave one account again arrive
-- again in the other.
CREATE TEMP TABLE stale ON COMMIT DROP AS
WITH RECURSIVE reached AS (
    SELECT m.book, f.asset, min(f.since) AS since
    FROM found AS f INNER JOIN members AS m USING (account)
    WHERE f.asset <> '' GROUP BY m.book, f.asset
    UNION
    SELECT m.book, o.asset, o.arrived_at
    FROM reached AS r INNER JOIN members AS s ON s.book = r.book
    INNER JOIN portfolio.own_transfers AS o
        ON o.from_account = s.account AND o.asset = r.asset AND o.left_at >= r.since
    INNER JOIN members AS m ON m.account = o.account
)
SELECT book, asset, min(since) AS since FROM reached GROUP BY book, asset;
