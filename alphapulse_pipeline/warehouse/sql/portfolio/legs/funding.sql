SELECT
    f.account, f.wallet, l.asset, f.happened_at, 3, l.step, l.treatment, l.kind, l.amount,
    f.amount * portfolio.price_at(f.asset, f.happened_at), NULL, NULL,
    f.market || ' ' || f.funding_id, NULL, NULL, NULL
FROM alphapulse.funding AS f
CROSS JOIN LATERAL (
    VALUES
    (1, f.market, 'line', 'funding', 0::numeric),
    (2, f.asset, 'swap', 'payment', f.amount)
) AS l (step, asset, treatment, kind, amount)
