-- A withdrawal leaves when it is made, and comes back when it fails. A wallet without a name is
-- outside the account. One part per time of a transfer, so that each finds its rows by an index.
SELECT
    t.account, moves.wallet, moves.asset, t.happened_at, moves.part, moves.amount,
    TRUE AS reported, 'transfers' AS dataset, t.kind || ' ' || t.transfer_id AS entry, t.recorded_at
FROM alphapulse.transfers AS t
CROSS JOIN LATERAL (
    SELECT t.to_wallet AS wallet, t.asset, 'transfers' AS part, t.amount
    WHERE t.kind = 'deposit' AND t.status = 'ok' AND t.updated_at IS NULL
    UNION ALL
    SELECT t.to_wallet, t.asset, 'transfers', t.amount
    WHERE t.kind = 'transfer' AND t.status NOT IN ('failed', 'canceled')
    UNION ALL
    SELECT t.from_wallet, t.asset, 'transfers', -t.amount
    WHERE t.kind = 'transfer' AND t.status NOT IN ('failed', 'canceled')
    UNION ALL
    SELECT t.from_wallet, t.asset, 'transfers', -t.amount
    WHERE
        t.kind = 'withdrawal'
        AND NOT portfolio.refund_unrecorded(t.account, t.from_wallet, t.status, t.updated_at)
    UNION ALL
    SELECT t.from_wallet, t.fee_currency, 'fees', -t.fee_cost
    WHERE
        t.kind = 'withdrawal' AND t.fee_cost <> 0
        AND NOT portfolio.refund_unrecorded(t.account, t.from_wallet, t.status, t.updated_at)
) AS moves
WHERE moves.wallet <> ''
UNION ALL
SELECT
    t.account, moves.wallet, moves.asset, t.updated_at, moves.part, moves.amount,
    TRUE AS reported, 'transfers' AS dataset, t.kind || ' ' || t.transfer_id AS entry, t.recorded_at
FROM alphapulse.transfers AS t
CROSS JOIN LATERAL (
    SELECT t.to_wallet AS wallet, t.asset, 'transfers' AS part, t.amount
    WHERE t.kind = 'deposit' AND t.status = 'ok'
    UNION ALL
    SELECT t.from_wallet, t.asset, 'transfers', t.amount
    WHERE t.kind = 'withdrawal' AND t.status IN ('failed', 'canceled')
    UNION ALL
    SELECT t.from_wallet, t.fee_currency, 'fees', t.fee_cost
    WHERE t.kind = 'withdrawal' AND t.status IN ('failed', 'canceled') AND t.fee_cost <> 0
) AS moves
WHERE t.updated_at IS NOT NULL AND moves.wallet <> ''
