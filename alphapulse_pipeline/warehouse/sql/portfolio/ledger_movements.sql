-- The ledger's entries, and how much of each counts as a movement: see portfolio.counted.

CREATE OR REPLACE VIEW portfolio.ledger_movements AS
SELECT
    l.account, l.wallet, l.kind, l.entry_id, l.asset, l.class, l.happened_at, l.recorded_at,
    c.amount
FROM alphapulse.ledger AS l
CROSS JOIN LATERAL (SELECT alphapulse.repeated_history(l.class) AS history) AS h
CROSS JOIN LATERAL (
    SELECT
        CASE
            WHEN h.history IS NULL THEN l.amount
            -- as most are by portfolio.is_settled, which takes longer to call
            WHEN (
                SELECT sum(s.amount) FROM alphapulse.ledger AS s
                WHERE
                    s.account = l.account AND s.happened_at = l.happened_at
                    AND s.wallet = l.wallet AND s.asset = l.asset
                    AND alphapulse.repeated_history(s.class) = h.history
            ) = (
                SELECT sum(m.amount) FROM portfolio.history_movements AS m
                WHERE
                    m.account = l.account AND m.happened_at = l.happened_at
                    AND m.wallet = l.wallet AND m.asset = l.asset AND m.dataset = h.history
            ) THEN 0
            ELSE portfolio.counted(l)
        END AS amount
    LIMIT 1 -- calculated once
) AS c
WHERE c.amount <> 0;
