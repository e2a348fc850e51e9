SELECT
    account, wallet, asset, happened_at, 'other' AS part, amount, TRUE AS reported,
    'ledger' AS dataset, kind || ' ' || entry_id AS entry, recorded_at
FROM alphapulse.ledger
WHERE NOT alphapulse.repeats_history(class)
