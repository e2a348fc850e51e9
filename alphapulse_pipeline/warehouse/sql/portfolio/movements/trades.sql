-- Spot and options exchange one asset for another; other contracts only settle their profit.
SELECT
    t.account, t.wallet, parts.asset, t.executed_at AS happened_at, parts.part,
    coalesce(parts.amount, 0) AS amount, parts.amount IS NOT NULL AS reported,
    'trades' AS dataset, t.market || ' ' || t.trade_id AS entry, t.recorded_at
FROM alphapulse.trades AS t
CROSS JOIN LATERAL alphapulse.market_of(t.account, t.market) AS m
CROSS JOIN LATERAL (SELECT CASE t.side WHEN 'buy' THEN 1 ELSE -1 END AS sign) AS s
CROSS JOIN LATERAL (
    SELECT m.base AS asset, 'fills' AS part, s.sign * t.amount AS amount
    WHERE m.kind = 'spot'
    UNION ALL
    SELECT m.quote, 'fills', -s.sign * t.cost
    WHERE m.kind = 'spot'
    UNION ALL
    SELECT
        m.settle, 'fills',
        CASE m.kind
            WHEN 'option' THEN -s.sign * t.cost
            ELSE coalesce(t.realized_pnl, portfolio.realized_pnl_of(t, m.settle))
        END
    WHERE m.kind <> 'spot'
    UNION ALL
    SELECT t.fee_currency, 'fees', -t.fee_cost
    WHERE t.fee_cost <> 0 AND t.fee_currency <> ''
) AS parts
