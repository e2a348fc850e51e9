SELECT
    l.account, l.happened_at - coalesce(portfolio.reach(h.history), '0'), l.happened_at,
    l.happened_at AS until, l.recorded_at,
    -- what an entry says that a fill realized changes the position as well
    array(
        SELECT l.asset
        UNION ALL
        SELECT t.market FROM alphapulse.trades AS t
        WHERE
            h.history = 'trades' AND t.account = l.account AND t.realized_pnl IS NULL
            AND t.executed_at BETWEEN l.happened_at - portfolio.reach('trades')
            AND l.happened_at + portfolio.reach('trades')
            AND t.trade_id IN (l.reference_id, l.entry_id)
    )
FROM alphapulse.ledger AS l
CROSS JOIN LATERAL (SELECT alphapulse.repeated_history(l.class) AS history) AS h
