SELECT
    account, wallet, asset, happened_at,
    CASE class
        WHEN 'trade' THEN 'fills'
        WHEN 'fee' THEN 'fees'
        WHEN 'transfer' THEN 'transfers'
        WHEN 'funding' THEN 'funding'
        WHEN 'conversion' THEN 'conversions'
        ELSE 'other'
    END AS part,
    amount, TRUE AS reported, 'ledger' AS dataset, kind || ' ' || entry_id AS entry, recorded_at
FROM portfolio.ledger_movements
