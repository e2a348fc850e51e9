-- What a fill of a perpetual or a future realized, by the ledger's entries of this fill and before
-- the fee; NULL if it has none. For fills on which the exchange does not report it.

CREATE OR REPLACE FUNCTION portfolio.realized_pnl_of(t alphapulse.trades, settle text)
RETURNS numeric LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN (
        SELECT sum(l.amount) + CASE WHEN t.fee_currency = settle THEN coalesce(t.fee_cost, 0)
                                    ELSE 0 END
        FROM alphapulse.ledger AS l
        WHERE l.account = t.account AND l.wallet = t.wallet AND l.asset = settle
          AND l.happened_at BETWEEN t.executed_at - portfolio.reach('trades')
              AND t.executed_at + portfolio.reach('trades')
          AND alphapulse.repeated_history(l.class) = 'trades'
          AND t.trade_id IN (l.reference_id, l.entry_id)
    );
END $$;
