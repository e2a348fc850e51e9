-- changed --
-- The times at which a row that moves a balance is new, changed or deleted.
CREATE TEMP TABLE changed ON COMMIT DROP AS
SELECT known.account, m.happened_at FROM portfolio.reconciled AS known
CROSS JOIN LATERAL portfolio.moved_since(known.account, %(since)s) AS m (happened_at);

-- record_progress --
-- The newest window of each account and its wallets. A wallet that no snapshot shows has no
-- balance to explain, so its movements are left out.
INSERT INTO portfolio.reconciled AS r (account, closed_at, wallets)
SELECT w.account, max(w.closed_at), coalesce(array_agg(DISTINCT b.wallet)
       FILTER (WHERE b.wallet IS NOT NULL), '{}')
FROM windows AS w
LEFT JOIN alphapulse.balances AS b
    ON b.account = w.account AND b.captured_at IN (w.opened_at, w.closed_at)
GROUP BY w.account
ON CONFLICT (account) DO UPDATE SET
    closed_at = greatest(r.closed_at, excluded.closed_at),
    wallets = array(
        SELECT DISTINCT unnest(r.wallets || excluded.wallets) AS wallet -- noqa: RF01
        ORDER BY wallet
    );

-- sums --
-- The balances at both ends of each window and the movements between them, part by part. A wallet
-- that either snapshot left out has no balance to explain.
WITH unread AS (
    SELECT w.account, w.closed_at, unnest(s.unread) AS wallet
    FROM windows AS w
    INNER JOIN alphapulse.snapshots AS s
        ON s.account = w.account AND s.dataset = 'balances'
        AND s.captured_at IN (w.opened_at, w.closed_at)
    WHERE s.unread <> '{}'
), spans AS (
    SELECT account, unnest(range_agg(tstzrange(opened_at, closed_at, '(]'))) AS span
    FROM windows GROUP BY account
), moves AS (
    SELECT m.* FROM spans
    CROSS JOIN LATERAL portfolio.movements_between(account, lower(span), upper(span)) AS m
    -- a fill that only the ledger has is missing, and no explanation
    WHERE NOT (m.dataset = 'ledger' AND m.part IN ('fills', 'fees'))
)
INSERT INTO portfolio.reconciliation (account, wallet, asset, opened_at, closed_at, opening, fills,
    fees, transfers, funding, conversions, other, closing, pnl_reported, residual, state, reason)
SELECT account, wallet, asset, opened_at, closed_at, sum(opening), sum(fills), sum(fees),
       sum(transfers), sum(funding), sum(conversions), sum(other), sum(closing),
       bool_and(reported), 0, 'reconciled', ''
FROM (
    SELECT w.*, b.wallet, b.asset, b.total AS opening, 0 AS fills, 0 AS fees, 0 AS transfers,
           0 AS funding, 0 AS conversions, 0 AS other, 0 AS closing, TRUE AS reported
    FROM windows AS w
    INNER JOIN alphapulse.balances AS b ON b.account = w.account AND b.captured_at = w.opened_at
    UNION ALL
    SELECT w.*, b.wallet, b.asset, 0, 0, 0, 0, 0, 0, 0, b.total, TRUE
    FROM windows AS w
    INNER JOIN alphapulse.balances AS b ON b.account = w.account AND b.captured_at = w.closed_at
    UNION ALL
    SELECT w.*, m.wallet, m.asset, 0,
           CASE m.part WHEN 'fills' THEN m.amount ELSE 0 END,
           CASE m.part WHEN 'fees' THEN m.amount ELSE 0 END,
           CASE m.part WHEN 'transfers' THEN m.amount ELSE 0 END,
           CASE m.part WHEN 'funding' THEN m.amount ELSE 0 END,
           CASE m.part WHEN 'conversions' THEN m.amount ELSE 0 END,
           CASE m.part WHEN 'other' THEN m.amount ELSE 0 END, 0, m.reported
    FROM moves AS m
    INNER JOIN portfolio.reconciled AS r ON r.account = m.account AND m.wallet = any(r.wallets)
    CROSS JOIN LATERAL (
        SELECT * FROM windows WHERE windows.account = m.account
        AND windows.closed_at >= m.happened_at ORDER BY windows.closed_at LIMIT 1
    ) AS w
) AS entries
WHERE NOT EXISTS (
    SELECT FROM unread AS u
    WHERE u.account = entries.account AND u.closed_at = entries.closed_at
      AND u.wallet = entries.wallet
)
GROUP BY account, wallet, asset, opened_at, closed_at;

-- chains --
-- Windows with a difference, in order, from the first that is new or still pending. The state of a
-- window depends on the next one, so the window before the first is classified again as well.
WITH touched AS (
    SELECT account, min(opened_at) AS opened_at FROM windows GROUP BY account
), open AS (
    SELECT account, min(opened_at) AS opened_at FROM portfolio.reconciliation
    WHERE state = 'pending' GROUP BY account
), since AS (
    SELECT account, least(touched.opened_at, open.opened_at) AS opened_at
    FROM touched FULL JOIN open USING (account)
), chains AS (
    SELECT DISTINCT r.account, r.wallet, r.asset, since.opened_at
    FROM since INNER JOIN portfolio.reconciliation AS r
        ON r.account = since.account AND r.closed_at >= since.opened_at AND r.difference <> 0
), continued AS (
    SELECT chains.*, known.closed_at, known.carried
    FROM chains LEFT JOIN LATERAL (
        SELECT closed_at, carried FROM portfolio.reconciliation AS r
        WHERE r.account = chains.account AND r.wallet = chains.wallet AND r.asset = chains.asset
          AND r.difference <> 0 AND r.closed_at < chains.opened_at AND r.carried IS NOT NULL
        ORDER BY r.closed_at DESC LIMIT 1
    ) AS known ON TRUE
)
SELECT r.account, r.wallet, r.asset, r.opened_at, r.closed_at, r.difference, r.pnl_reported,
       continued.carried, opened.before AS opened_before, opened.after AS opened_after,
       opened.away AS opened_away, closed.before AS closed_before, closed.after AS closed_after,
       closed.away AS closed_away, next.closed_at AS next_at,
       coalesce((SELECT difference FROM portfolio.reconciliation AS n
                 WHERE n.account = r.account AND n.wallet = r.wallet AND n.asset = r.asset
                   AND n.closed_at = next.closed_at), 0) AS next_difference,
       later.before AS later_before, later.after AS later_after, later.away AS later_away,
       -- a list of rewards alone is no ledger of the wallet
       exists(SELECT FROM alphapulse.ledger AS l
               WHERE l.account = r.account AND l.wallet = r.wallet
                 AND l.class <> 'reward') AS ledger
FROM continued
INNER JOIN portfolio.reconciliation AS r
    ON r.account = continued.account AND r.wallet = continued.wallet AND r.asset = continued.asset
    AND r.difference <> 0 AND r.closed_at > coalesce(continued.closed_at, '-infinity')
CROSS JOIN LATERAL portfolio.reading(r.account, r.wallet, r.asset, r.opened_at) AS opened
CROSS JOIN LATERAL portfolio.reading(r.account, r.wallet, r.asset, r.closed_at) AS closed
LEFT JOIN LATERAL (
    SELECT captured_at AS closed_at FROM alphapulse.snapshots AS s
    WHERE s.account = r.account AND s.dataset = 'balances' AND s.captured_at > r.closed_at
    ORDER BY captured_at LIMIT 1
) AS next ON TRUE
LEFT JOIN LATERAL portfolio.reading(r.account, r.wallet, r.asset, next.closed_at) AS later ON TRUE
ORDER BY r.account, r.wallet, r.asset, r.closed_at;

-- missing_fill --
-- An order whose filled amount is more than its stored fills: without a ledger, the only sign that
-- a fill is missing.
SELECT o.market || ' ' || o.order_id FROM alphapulse.orders AS o
WHERE o.account = %(account)s AND o.wallet = %(wallet)s
  AND o.created_at BETWEEN %(opened_at)s - interval '30 days' AND %(closed_at)s
  AND o.updated_at > %(opened_at)s - interval '1 second' AND o.filled > coalesce((
      SELECT sum(t.amount) FROM alphapulse.trades AS t
      WHERE t.account = o.account AND t.market = o.market AND t.order_id = o.order_id
        AND t.executed_at >= o.created_at - interval '1 second'), 0)
ORDER BY o.created_at LIMIT 1;

-- set_verdict --
-- Store what became of a difference.
UPDATE portfolio.reconciliation
SET residual = %(residual)s, state = %(state)s, reason = %(reason)s, carried = %(carried)s
WHERE account = %(account)s AND wallet = %(wallet)s AND asset = %(asset)s
  AND closed_at = %(closed_at)s;
