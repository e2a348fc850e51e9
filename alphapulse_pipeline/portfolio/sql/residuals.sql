-- counts --
-- How many differences there are of each state.
SELECT state, count(*) FROM portfolio.reconciliation
WHERE state <> 'reconciled' AND %(account)s::text IN ('', account)
  AND closed_at >= %(since)s::timestamptz AND closed_at < %(until)s::timestamptz
GROUP BY state;

-- unexplained --
-- The differences that are no mere delay, breaks first, newest first.
SELECT state, account, wallet, asset, opened_at, closed_at, residual, reason
FROM portfolio.reconciliation
WHERE state IN ('break', 'unverifiable') AND %(account)s::text IN ('', account)
  AND closed_at >= %(since)s::timestamptz AND closed_at < %(until)s::timestamptz
ORDER BY state <> 'break', closed_at DESC, account, wallet, asset LIMIT %(shown)s;

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
