-- The stored row that a ledger entry names, and the time at which it moves the balance: the row's
-- id is the entry's reference or its own id.

CREATE OR REPLACE FUNCTION portfolio.referenced(e alphapulse.ledger)
RETURNS TABLE (entry text, happened_at timestamptz, amount numeric) LANGUAGE plpgsql STABLE AS $$
DECLARE
    history CONSTANT text := alphapulse.repeated_history(e.class);
BEGIN
    RETURN QUERY
    SELECT m.entry, m.happened_at, sum(m.amount)
    FROM portfolio.history_movements AS m
    WHERE m.account = e.account AND m.wallet = e.wallet AND m.asset = e.asset
      AND m.dataset = history
      AND m.happened_at BETWEEN e.happened_at - portfolio.reach(history)
          AND e.happened_at + portfolio.reach(history)
      AND (portfolio.is_of(m.entry, e.reference_id) OR portfolio.is_of(m.entry, e.entry_id))
    GROUP BY m.entry, m.happened_at
    HAVING NOT portfolio.is_settled(e.account, e.wallet, e.asset, history, m.happened_at, FALSE)
    ORDER BY greatest(m.happened_at, e.happened_at) - least(m.happened_at, e.happened_at), m.entry
    LIMIT 1;
END $$;
