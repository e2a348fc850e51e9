-- The ledger's entries, and how much of each counts as a movement: see portfolio.counted.

-- Most instants are settled by equal sums, as in portfolio.is_settled, which takes longer to call.
-- Both sums are calculated once per instant, since an order may have a hundred fills in one.
CREATE OR REPLACE VIEW portfolio.ledger_movements AS
SELECT
    e.account, e.wallet, e.kind, e.entry_id, e.asset, e.class, e.happened_at, e.recorded_at,
    c.amount
FROM (
    SELECT
        b.*,
        max(
            CASE WHEN b.place = 1 THEN (
                SELECT sum(m.amount) FROM portfolio.history_movements AS m
                WHERE
                    m.account = b.account AND m.happened_at = b.happened_at
                    AND m.wallet = b.wallet AND m.asset = b.asset AND m.dataset = b.history
            ) END
        ) OVER (PARTITION BY b.account, b.wallet, b.asset, b.history, b.happened_at) AS listed
    FROM (
        SELECT
            l.account, l.wallet, l.kind, l.entry_id, l.asset, l.class, l.happened_at, l.recorded_at,
            l.amount, h.history,
            sum(l.amount) OVER instant AS booked,
            row_number() OVER instant AS place
        FROM alphapulse.ledger AS l
        CROSS JOIN LATERAL (SELECT alphapulse.repeated_history(l.class) AS history) AS h
        WINDOW instant AS (PARTITION BY l.account, l.wallet, l.asset, h.history, l.happened_at)
    ) AS b
) AS e
CROSS JOIN LATERAL (
    SELECT
        CASE
            WHEN e.history IS NULL THEN e.amount
            WHEN e.booked = e.listed THEN 0
            ELSE (
                SELECT portfolio.counted(l) FROM alphapulse.ledger AS l
                WHERE
                    l.account = e.account AND l.wallet = e.wallet AND l.kind = e.kind
                    AND l.entry_id = e.entry_id
            )
        END AS amount
    LIMIT 1 -- calculated once
) AS c
WHERE c.amount <> 0;
