SELECT
    t.account, t.executed_at - portfolio.reach('trades') AS since, t.executed_at AS happened_at,
    t.executed_at AS until, t.recorded_at,
    ARRAY[
        m.base, CASE m.kind WHEN 'spot' THEN m.quote ELSE m.settle END,
        coalesce(t.fee_currency, ''), t.market
    ] AS assets
FROM alphapulse.trades AS t
CROSS JOIN LATERAL alphapulse.market_of(t.account, t.market) AS m
