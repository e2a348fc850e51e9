-- Both sides are worth the same: what is given, at its price then; where that has no price, what is
-- received.
SELECT
    c.account, c.wallet, l.asset, c.happened_at, 4, l.step, l.treatment, l.kind, l.amount, l.value,
    NULL, NULL, c.kind || ' ' || c.conversion_id, NULL, NULL, NULL
FROM alphapulse.conversions AS c
CROSS JOIN LATERAL (
    VALUES (
        coalesce(
            c.from_amount * portfolio.price_at(c.from_asset, c.happened_at),
            c.to_amount * portfolio.price_at(c.to_asset, c.happened_at)
        )
    )
) AS v (worth)
CROSS JOIN LATERAL (
    SELECT
        1 AS step, c.to_asset AS asset, 'swap' AS treatment, 'trade' AS kind,
        c.to_amount AS amount, v.worth AS value
    UNION ALL
    SELECT 2, c.from_asset, 'swap', 'trade', -c.from_amount, -v.worth
    UNION ALL
    SELECT
        3, c.fee_currency, 'earned', 'fee', -c.fee_cost,
        -c.fee_cost * portfolio.price_at(c.fee_currency, c.happened_at)
    WHERE c.fee_cost <> 0
) AS l
