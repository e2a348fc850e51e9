SELECT
    l.account, l.wallet, l.asset, l.happened_at,
    CASE l.class
        WHEN 'trade' THEN 'fills'
        WHEN 'fee' THEN 'fees'
        WHEN 'transfer' THEN 'transfers'
        WHEN 'funding' THEN 'funding'
        WHEN 'conversion' THEN 'conversions'
        ELSE 'other'
    END AS part,
    c.amount, TRUE AS reported, 'ledger' AS dataset, l.kind || ' ' || l.entry_id AS entry,
    l.recorded_at
FROM alphapulse.ledger AS l
CROSS JOIN LATERAL (
    SELECT portfolio.counted(l) AS amount
    LIMIT 1 -- calculated once
) AS c
WHERE c.amount <> 0
