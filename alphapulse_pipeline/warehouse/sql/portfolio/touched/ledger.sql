SELECT account, happened_at, happened_at AS until, recorded_at, ARRAY[asset]
FROM alphapulse.ledger
WHERE NOT alphapulse.repeats_history(class)
