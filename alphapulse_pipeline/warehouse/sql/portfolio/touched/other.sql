SELECT account, happened_at, happened_at, recorded_at, ARRAY[asset]
FROM ({movements}) AS m
