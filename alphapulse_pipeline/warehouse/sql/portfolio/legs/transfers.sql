SELECT
    t.account, m.wallet, m.asset, m.happened_at, m.stage, m.step, m.treatment, m.kind, m.amount,
    m.amount * portfolio.price_at(m.asset, m.happened_at), NULL, NULL,
    t.kind || ' ' || t.transfer_id, m.from_account, m.carries
FROM alphapulse.transfers AS t
LEFT JOIN portfolio.lot_accounts AS a USING (account)
LEFT JOIN portfolio.own_transfers AS d
    ON t.kind = 'deposit' AND t.account = d.account AND t.transfer_id = d.transfer_id
LEFT JOIN portfolio.own_transfers AS w
    ON t.kind = 'withdrawal' AND t.account = w.from_account AND t.transfer_id = w.from_id
CROSS JOIN LATERAL (
    SELECT
        t.kind = 'withdrawal' AND t.status IN ('failed', 'canceled')
        AND t.updated_at IS NOT NULL AS back,
        t.kind = 'transfer' AND t.status NOT IN ('failed', 'canceled')
        AND (a.wallets IS NULL OR NOT ARRAY[t.from_wallet, t.to_wallet] <@ a.wallets) AS half
) AS f
CROSS JOIN LATERAL (
    SELECT
        1 AS step, t.to_wallet AS wallet, t.asset,
        coalesce(t.updated_at, t.happened_at) AS happened_at, 2 AS stage, t.amount,
        CASE WHEN d.from_id IS NULL THEN 'swap' ELSE 'carried' END AS treatment,
        CASE WHEN d.from_id IS NULL THEN 'deposit' ELSE 'transfer' END AS kind,
        d.from_account, 'withdrawal ' || d.from_id AS carries
    WHERE t.kind = 'deposit' AND t.status = 'ok'
    UNION ALL
    SELECT
        1, t.from_wallet, t.asset, t.happened_at, 1, -t.amount, 'moved',
        CASE WHEN w.from_id IS NULL AND NOT f.back THEN 'withdrawal' ELSE 'transfer' END,
        NULL, NULL
    WHERE t.kind = 'withdrawal'
    UNION ALL
    SELECT
        2, t.from_wallet, t.fee_currency, t.happened_at, 1, -t.fee_cost, 'earned', 'fee', NULL, NULL
    WHERE t.kind = 'withdrawal' AND t.fee_cost <> 0
    UNION ALL
    SELECT
        3, t.from_wallet, t.asset, t.updated_at, 2, t.amount, 'carried', 'transfer',
        t.account, 'withdrawal ' || t.transfer_id
    WHERE f.back
    UNION ALL
    SELECT
        4, t.from_wallet, t.fee_currency, t.updated_at, 2, t.fee_cost, 'earned', 'fee', NULL, NULL
    WHERE f.back AND t.fee_cost <> 0
    UNION ALL
    SELECT
        1, t.from_wallet, t.asset, t.happened_at, 1, -t.amount, 'moved', 'withdrawal', NULL, NULL
    WHERE f.half
    UNION ALL
    SELECT 2, t.to_wallet, t.asset, t.happened_at, 2, t.amount, 'swap', 'deposit', NULL, NULL
    WHERE f.half
) AS m
WHERE m.wallet <> ''
