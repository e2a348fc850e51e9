-- The fills of a market in the seconds while a snapshot of positions was read, purchases positive:
-- up to its time, newest first (before), and after it, oldest first (after).

CREATE OR REPLACE FUNCTION portfolio.position_reading(
    account_ text, market_ text, read_at timestamptz
) RETURNS TABLE (before numeric[], after numeric[]) LANGUAGE sql STABLE AS $$
    SELECT coalesce(array_agg(amount ORDER BY executed_at DESC, trade_id DESC)
               FILTER (WHERE executed_at <= read_at), '{}'),
           coalesce(array_agg(amount ORDER BY executed_at, trade_id)
               FILTER (WHERE executed_at > read_at), '{}')
    FROM (
        SELECT t.executed_at, t.trade_id,
               CASE t.side WHEN 'sell' THEN -t.amount ELSE t.amount END AS amount
        FROM alphapulse.trades AS t
        WHERE t.account = account_ AND t.market = market_
          AND t.executed_at BETWEEN read_at - interval '1 second'
              AND interval '1 second' + coalesce((
                  SELECT s.read_until FROM alphapulse.snapshots AS s
                  WHERE s.account = account_ AND s.dataset = 'positions' AND s.captured_at = read_at
              ), read_at)
    ) AS fills
$$;
