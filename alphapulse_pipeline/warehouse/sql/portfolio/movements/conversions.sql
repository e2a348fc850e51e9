-- One side is given, the other received; the fee is on top.
SELECT
    c.account, c.wallet, moves.asset, c.happened_at, moves.part, moves.amount, TRUE AS reported,
    'conversions' AS dataset, c.kind || ' ' || c.conversion_id AS entry, c.recorded_at
FROM alphapulse.conversions AS c
CROSS JOIN LATERAL (
    VALUES
    (c.from_asset, 'conversions', -c.from_amount),
    (c.to_asset, 'conversions', c.to_amount),
    (c.fee_currency, 'fees', -c.fee_cost)
) AS moves (asset, part, amount)
WHERE moves.amount <> 0
