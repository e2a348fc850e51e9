SELECT
    account, happened_at - portfolio.reach('transfers'), happened_at,
    greatest(happened_at, updated_at), recorded_at, ARRAY[asset, coalesce(fee_currency, '')]
FROM alphapulse.transfers
