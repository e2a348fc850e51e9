SELECT
    account, happened_at - portfolio.reach('funding'), happened_at, happened_at AS until,
    recorded_at, ARRAY[asset, market]
FROM alphapulse.funding
