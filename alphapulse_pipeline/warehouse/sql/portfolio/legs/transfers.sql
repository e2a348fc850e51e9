SELECT
    t.account, m.wallet, m.asset, m.happened_at, m.stage, m.step, m.treatment, m.kind, m.amount,
    m.amount * portfolio.price_at(m.asset, m.happened_at), NULL, NULL,
    t.kind || ' ' || t.transfer_id, m.from_account, m.carries, m.left_at
FROM alphapulse.transfers AS t
LEFT JOIN portfolio.lot_accounts AS a USING (account)
LEFT JOIN portfolio.own_transfers AS d
    ON t.account = d.account AND t.kind || ' ' || t.transfer_id = d.entry
LEFT JOIN portfolio.own_transfers AS w
    ON t.account = w.from_account AND t.kind || ' ' || t.transfer_id = w.from_entry
CROSS JOIN LATERAL (
    SELECT
        t.kind = 'withdrawal' AND t.status IN ('failed', 'canceled')
        AND t.updated_at IS NOT NULL AS back,
        t.kind = 'transfer' AND t.status NOT IN ('failed', 'canceled')
        AND (a.wallets IS NULL OR NOT ARRAY[t.from_wallet, t.to_wallet] <@ a.wallets) AS half
) AS f
CROSS JOIN LATERAL (
    SELECT
        CASE WHEN d.entry IS NULL THEN 'swap' ELSE 'carried' END AS treatment,
        CASE WHEN d.entry IS NULL THEN 'deposit' ELSE 'transfer' END AS arrives_as,
        CASE WHEN w.entry IS NULL THEN 'withdrawal' ELSE 'transfer' END AS leaves_as
) AS o
CROSS JOIN LATERAL (
    SELECT
        1 AS step, t.to_wallet AS wallet, t.asset,
        coalesce(t.updated_at, t.happened_at) AS happened_at, 2 AS stage, t.amount, o.treatment,
        o.arrives_as AS kind, d.from_account, d.from_entry AS carries, d.left_at
    WHERE t.kind = 'deposit' AND t.status = 'ok'
    UNION ALL
    SELECT
        1, t.from_wallet, t.asset, t.happened_at, 1, -t.amount, 'moved',
        CASE WHEN f.back THEN 'transfer' ELSE o.leaves_as END, NULL, NULL, NULL
    WHERE t.kind = 'withdrawal'
    UNION ALL
    SELECT
        2, t.from_wallet, t.fee_currency, t.happened_at, 1, -t.fee_cost, 'earned', 'fee',
        NULL, NULL, NULL
    WHERE t.kind = 'withdrawal' AND t.fee_cost <> 0
    UNION ALL
    SELECT
        3, t.from_wallet, t.asset, t.updated_at, 2, t.amount, 'carried', 'transfer',
        t.account, 'withdrawal ' || t.transfer_id, t.happened_at
    WHERE f.back
    UNION ALL
    SELECT
        4, t.from_wallet, t.fee_currency, t.updated_at, 2, t.fee_cost, 'earned', 'fee',
        NULL, NULL, NULL
    WHERE f.back AND t.fee_cost <> 0
    UNION ALL
    SELECT
        1, t.from_wallet, t.asset, t.happened_at, 1, -t.amount, 'moved', o.leaves_as,
        NULL, NULL, NULL
    WHERE f.half
    UNION ALL
    SELECT
        2, t.to_wallet, t.asset, t.happened_at, 2, t.amount, o.treatment, o.arrives_as,
        d.from_account, d.from_entry, d.left_at
    WHERE f.half
) AS m
WHERE m.wallet <> ''
