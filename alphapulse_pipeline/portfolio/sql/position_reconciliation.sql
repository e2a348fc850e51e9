-- changed --
-- The times at which a fill is new, changed or deleted.
CREATE TEMP TABLE changed ON COMMIT DROP AS
SELECT known.account, t.executed_at AS happened_at
FROM portfolio.reconciled_positions AS known INNER JOIN alphapulse.trades AS t USING (account)
WHERE t.recorded_at >= %(since)s
UNION
SELECT known.account, w.happened_at
FROM portfolio.reconciled_positions AS known INNER JOIN portfolio.rewritten AS w USING (account)
WHERE w.dataset = 'trades' AND w.recorded_at >= %(since)s;

-- record_progress --
-- The newest window of each account.
INSERT INTO portfolio.reconciled_positions AS r (account, closed_at)
SELECT account, max(closed_at) FROM windows GROUP BY account
ON CONFLICT (account) DO UPDATE SET closed_at = greatest(r.closed_at, excluded.closed_at);

-- sums --
-- The position at both ends of each window and the fills between them, long positive. A market
-- whose positions either snapshot left out has nothing to explain.
WITH unread AS (
    SELECT w.account, w.closed_at, unnest(s.unread) AS settle
    FROM windows AS w
    INNER JOIN alphapulse.snapshots AS s
        ON s.account = w.account AND s.dataset = 'positions'
        AND s.captured_at IN (w.opened_at, w.closed_at)
    WHERE s.unread <> '{}'
), spans AS (
    SELECT account, unnest(range_agg(tstzrange(opened_at, closed_at, '(]'))) AS span
    FROM windows GROUP BY account
), fills AS MATERIALIZED (
    SELECT t.account, t.market, t.executed_at,
           CASE t.side WHEN 'sell' THEN -t.amount ELSE t.amount END AS amount
    FROM spans INNER JOIN alphapulse.trades AS t
        ON t.account = spans.account
        AND t.executed_at > lower(span) AND t.executed_at <= upper(span)
), held AS (
    SELECT p.account, p.captured_at, p.market,
           sum(CASE p.side WHEN 'short' THEN -p.contracts ELSE p.contracts END) AS contracts
    FROM alphapulse.positions AS p
    WHERE EXISTS (SELECT FROM windows AS w WHERE w.account = p.account
                  AND p.captured_at IN (w.opened_at, w.closed_at))
    GROUP BY p.account, p.captured_at, p.market
), contracts AS MATERIALIZED (
    SELECT every.account, every.market, m.settle
    FROM (SELECT account, market FROM fills UNION SELECT account, market FROM held) AS every
    CROSS JOIN LATERAL alphapulse.market_of(every.account, every.market) AS m
    WHERE m.kind <> 'spot'
)
INSERT INTO portfolio.position_reconciliation (account, market, opened_at, closed_at, opening,
    fills, closing, residual, state, reason)
SELECT account, market, opened_at, closed_at, sum(opening), sum(filled), sum(closing), 0,
       'reconciled', ''
FROM (
    SELECT w.*, h.market, h.contracts AS opening, 0 AS filled, 0 AS closing, FALSE AS traded
    FROM windows AS w INNER JOIN held AS h
        ON h.account = w.account AND h.captured_at = w.opened_at
    UNION ALL
    SELECT w.*, h.market, 0, 0, h.contracts, FALSE
    FROM windows AS w INNER JOIN held AS h
        ON h.account = w.account AND h.captured_at = w.closed_at
    UNION ALL
    SELECT w.*, f.market, 0, f.amount, 0, TRUE
    FROM fills AS f CROSS JOIN LATERAL (
        SELECT * FROM windows WHERE windows.account = f.account
        AND windows.closed_at >= f.executed_at ORDER BY windows.closed_at LIMIT 1
    ) AS w
) AS entries INNER JOIN contracts AS c USING (account, market)
WHERE NOT EXISTS (
    SELECT FROM unread AS u
    WHERE u.account = entries.account AND u.closed_at = entries.closed_at AND u.settle = c.settle
)
GROUP BY account, market, opened_at, closed_at
HAVING bool_or(traded) OR sum(opening) <> sum(closing);

-- chains --
-- Windows with a difference, in order, from the first that is new or still pending. The state of a
-- window depends on the next one, so the window before the first is classified again as well.
WITH touched AS (
    SELECT account, min(opened_at) AS opened_at FROM windows GROUP BY account
), open AS (
    SELECT account, min(opened_at) AS opened_at FROM portfolio.position_reconciliation
    WHERE state = 'pending' GROUP BY account
), since AS (
    SELECT account, least(touched.opened_at, open.opened_at) AS opened_at
    FROM touched FULL JOIN open USING (account)
), chains AS (
    SELECT DISTINCT r.account, r.market, since.opened_at
    FROM since INNER JOIN portfolio.position_reconciliation AS r
        ON r.account = since.account AND r.closed_at >= since.opened_at AND r.difference <> 0
), continued AS (
    SELECT chains.*, known.closed_at, known.carried
    FROM chains LEFT JOIN LATERAL (
        SELECT closed_at, carried FROM portfolio.position_reconciliation AS r
        WHERE r.account = chains.account AND r.market = chains.market AND r.difference <> 0
          AND r.closed_at < chains.opened_at AND r.carried IS NOT NULL
        ORDER BY r.closed_at DESC LIMIT 1
    ) AS known ON TRUE
)
SELECT r.account, r.market, r.opened_at, r.closed_at, r.difference, continued.carried,
       opened.before AS opened_before, opened.after AS opened_after,
       closed.before AS closed_before, closed.after AS closed_after, next.closed_at AS next_at,
       coalesce((SELECT difference FROM portfolio.position_reconciliation AS n
                 WHERE n.account = r.account AND n.market = r.market
                   AND n.closed_at = next.closed_at), 0) AS next_difference,
       later.before AS later_before, later.after AS later_after
FROM continued
INNER JOIN portfolio.position_reconciliation AS r
    ON r.account = continued.account AND r.market = continued.market
    AND r.difference <> 0 AND r.closed_at > coalesce(continued.closed_at, '-infinity')
CROSS JOIN LATERAL portfolio.position_reading(r.account, r.market, r.opened_at) AS opened
CROSS JOIN LATERAL portfolio.position_reading(r.account, r.market, r.closed_at) AS closed
LEFT JOIN LATERAL (
    SELECT captured_at AS closed_at FROM alphapulse.snapshots AS s
    WHERE s.account = r.account AND s.dataset = 'positions' AND s.captured_at > r.closed_at
    ORDER BY captured_at LIMIT 1
) AS next ON TRUE
LEFT JOIN LATERAL portfolio.position_reading(r.account, r.market, next.closed_at) AS later ON TRUE
ORDER BY r.account, r.market, r.closed_at;

-- set_verdict --
-- Store what became of a difference.
UPDATE portfolio.position_reconciliation
SET residual = %(residual)s, state = %(state)s, reason = %(reason)s, carried = %(carried)s
WHERE account = %(account)s AND market = %(market)s AND closed_at = %(closed_at)s;
