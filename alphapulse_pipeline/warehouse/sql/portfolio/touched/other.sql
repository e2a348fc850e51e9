SELECT
    account, happened_at - portfolio.reach(dataset), happened_at, happened_at AS until, recorded_at,
    ARRAY[asset]
FROM ({movements}) AS m
