-- The movements of a balance in the seconds while a snapshot was read: up to its time, newest first
-- (before), and after it, oldest first (after); and the withdrawals that failed and may have been
-- on their way at that time (away).

CREATE OR REPLACE FUNCTION portfolio.reading(
    account_ text, wallet_ text, asset_ text, read_at timestamptz
) RETURNS TABLE (before numeric[], after numeric[], away numeric[]) LANGUAGE sql STABLE AS $$
    SELECT coalesce(array_agg(amount ORDER BY happened_at DESC, entry DESC)
               FILTER (WHERE happened_at <= read_at), '{}'),
           coalesce(array_agg(amount ORDER BY happened_at, entry)
               FILTER (WHERE happened_at > read_at), '{}'),
           ARRAY(SELECT amount + CASE WHEN fee_currency = asset THEN fee_cost ELSE 0 END
                 FROM alphapulse.transfers AS t
                 WHERE t.account = account_ AND t.from_wallet = wallet_ AND t.asset = asset_
                   AND t.kind = 'withdrawal' AND t.happened_at <= read_at
                   AND t.recorded_at > read_at
                   AND portfolio.refund_unrecorded(account_, wallet_, t.status, t.updated_at))
    FROM (
        SELECT happened_at, dataset, entry, sum(amount) AS amount
        FROM portfolio.movements_between(account_, read_at - interval '1 second',
            interval '1 second' + coalesce((
                SELECT read_until FROM alphapulse.snapshots
                WHERE account = account_ AND dataset = 'balances' AND captured_at = read_at
            ), read_at))
        WHERE wallet = wallet_ AND asset = asset_
          AND NOT (dataset = 'ledger' AND part IN ('fills', 'fees'))
        GROUP BY happened_at, dataset, entry
    ) AS entries
$$;
