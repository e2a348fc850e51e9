-- Which assets each entry of a history touches, and the time it spans.

CREATE OR REPLACE VIEW portfolio.touched AS
SELECT
    t.account, t.executed_at AS happened_at, t.executed_at AS until, t.recorded_at,
    ARRAY[
        m.base, CASE m.kind WHEN 'spot' THEN m.quote ELSE m.settle END,
        coalesce(t.fee_currency, ''), t.market
    ] AS assets
FROM alphapulse.trades AS t
CROSS JOIN LATERAL alphapulse.market_of(t.account, t.market) AS m
UNION ALL
SELECT
    account, happened_at, greatest(happened_at, updated_at), recorded_at,
    ARRAY[asset, coalesce(fee_currency, '')]
FROM alphapulse.transfers
UNION ALL
SELECT account, happened_at, happened_at AS until, recorded_at, ARRAY[asset, market]
FROM alphapulse.funding
UNION ALL
SELECT account, happened_at, happened_at AS until, recorded_at, ARRAY[asset]
FROM alphapulse.ledger
WHERE NOT alphapulse.repeats_history(class);
