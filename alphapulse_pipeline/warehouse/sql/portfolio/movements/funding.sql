SELECT
    account, wallet, asset, happened_at, 'funding' AS part, amount, TRUE AS reported,
    'funding' AS dataset, market || ' ' || funding_id AS entry, recorded_at
FROM alphapulse.funding
