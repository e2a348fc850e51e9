-- counts --
-- How many differences there are of each state.
SELECT state, count(*) FROM (
    SELECT 'reconciliation' AS name, account, closed_at, state FROM portfolio.reconciliation
    WHERE state <> 'reconciled'
    UNION ALL
    SELECT 'position_reconciliation', account, closed_at, state
    FROM portfolio.position_reconciliation
    WHERE state <> 'reconciled'
) AS differences
WHERE %(of)s::text IN ('', name) AND %(account)s::text IN ('', account)
  AND closed_at >= %(since)s::timestamptz AND closed_at < %(until)s::timestamptz
GROUP BY state;

-- unexplained --
-- The differences that are no mere delay, breaks first, newest first. A position has no wallet and
-- no asset, a balance has no market.
SELECT state, account, wallet, asset, market, opened_at, closed_at, residual, reason
FROM (
    SELECT
        'reconciliation' AS name, state, account, wallet, asset, '' AS market, opened_at, closed_at,
        residual, reason
    FROM portfolio.reconciliation WHERE state <> 'reconciled'
    UNION ALL
    SELECT
        'position_reconciliation', state, account, '', '', market, opened_at, closed_at, residual,
        reason
    FROM portfolio.position_reconciliation WHERE state <> 'reconciled'
) AS differences
WHERE state IN ('break', 'unverifiable') AND %(of)s::text IN ('', name)
  AND %(account)s::text IN ('', account)
  AND closed_at >= %(since)s::timestamptz AND closed_at < %(until)s::timestamptz
ORDER BY state <> 'break', closed_at DESC, account, wallet, asset, market LIMIT %(shown)s;

-- suspects --
-- The entries most likely behind a residual: a ledger entry of exactly this amount whose fill is
-- missing; an entry of minus the amount or half of it, as by a wrong sign; then whatever comes
-- nearest.
WITH entries AS (
    SELECT 'ledger ' || kind || ' ' || entry_id AS entry, amount, happened_at,
           amount = CASE WHEN alphapulse.repeated_history(class) IS NULL THEN -1 ELSE 1 END
                    * %(residual)s AS exact
    FROM alphapulse.ledger
    WHERE account = %(account)s AND wallet = %(wallet)s AND asset = %(asset)s
      AND happened_at > %(opened_at)s AND happened_at <= %(closed_at)s
    UNION ALL
    SELECT dataset || ' ' || entry, amount, happened_at,
           amount = -%(residual)s OR 2 * amount = -%(residual)s
    FROM portfolio.history_movements
    WHERE account = %(account)s AND wallet = %(wallet)s AND asset = %(asset)s
      AND happened_at > %(opened_at)s AND happened_at <= %(closed_at)s
)
SELECT entry, amount, happened_at FROM entries
ORDER BY NOT exact, abs(abs(amount) - abs(%(residual)s)), happened_at LIMIT 3;

-- position_suspects --
-- The same of a position: an order that says that more of it was filled than its fills add up to,
-- which is what is missing; then the fill that comes nearest.
WITH filled AS (
    SELECT
        o.order_id, o.updated_at,
        CASE o.side WHEN 'sell' THEN -1 ELSE 1 END * (o.filled - coalesce((
            SELECT sum(t.amount) FROM alphapulse.trades AS t
            WHERE t.account = o.account AND t.market = o.market AND t.order_id = o.order_id
        ), 0)) AS amount
    FROM alphapulse.orders AS o
    WHERE o.account = %(account)s AND o.market = %(market)s
      AND o.created_at <= %(closed_at)s AND o.updated_at > %(opened_at)s - interval '1 second'
), entries AS (
    SELECT
        'orders ' || order_id AS entry, amount, updated_at AS happened_at,
        amount = %(residual)s AS exact
    FROM filled WHERE sign(amount) = sign(%(residual)s::numeric)
    UNION ALL
    SELECT
        'trades ' || t.trade_id, s.amount, t.executed_at,
        s.amount = -%(residual)s OR 2 * s.amount = -%(residual)s
    FROM alphapulse.trades AS t CROSS JOIN LATERAL (
        SELECT CASE t.side WHEN 'sell' THEN -t.amount ELSE t.amount END AS amount
    ) AS s
    WHERE t.account = %(account)s AND t.market = %(market)s
      AND t.executed_at > %(opened_at)s AND t.executed_at <= %(closed_at)s
)
SELECT entry, amount, happened_at FROM entries
ORDER BY NOT exact, abs(abs(amount) - abs(%(residual)s)), happened_at LIMIT 3;
