-- How much of a ledger entry counts as a movement: all of it, less what stored rows of the history
-- that its class repeats explain. Each stored row explains its own amount, once.

-- An entry repeats, in this order: what is stored of its instant; the row it names, whose entries
-- together count what they differ by; a row of the same amount that is nearest in time and that no
-- entry names; the fills of the order that it books as one.
CREATE OR REPLACE FUNCTION portfolio.counted(e alphapulse.ledger) RETURNS numeric
LANGUAGE plpgsql STABLE AS $$
DECLARE
    history CONSTANT text := alphapulse.repeated_history(e.class);
    reach CONSTANT interval := portfolio.reach(history);
    named record;
    filled numeric;
BEGIN
    IF history IS NULL THEN
        RETURN e.amount;
    END IF;
    -- while a first sync has the ledger but not the fills, most entries end here
    IF NOT EXISTS (
        SELECT FROM portfolio.history_movements AS m
        WHERE m.account = e.account AND m.wallet = e.wallet AND m.asset = e.asset
          AND m.dataset = history
          AND m.happened_at BETWEEN e.happened_at - greatest(reach, interval '1 minute')
              AND e.happened_at + greatest(reach, interval '1 minute')
    ) THEN
        RETURN e.amount;
    END IF;
    IF portfolio.is_settled(e.account, e.wallet, e.asset, history, e.happened_at, TRUE) THEN
        RETURN 0;
    END IF;

    SELECT * INTO named FROM portfolio.referenced(e);
    IF FOUND THEN
        RETURN (
            SELECT CASE WHEN bool_and((e.happened_at, e.kind, e.entry_id)
                                      <= (l.happened_at, l.kind, l.entry_id))
                   THEN sum(l.amount) - named.amount ELSE 0 END
            FROM alphapulse.ledger AS l
            WHERE l.account = e.account AND l.wallet = e.wallet AND l.asset = e.asset
              AND alphapulse.repeated_history(l.class) = history
              AND l.happened_at BETWEEN named.happened_at - reach AND named.happened_at + reach
              AND (portfolio.is_of(named.entry, l.reference_id)
                   OR portfolio.is_of(named.entry, l.entry_id))
              AND NOT portfolio.is_settled(l.account, l.wallet, l.asset, history, l.happened_at, TRUE)
              AND EXISTS (SELECT FROM portfolio.referenced(l) AS r
                          WHERE r.entry = named.entry AND r.happened_at = named.happened_at)
        );
    END IF;

    IF (
        WITH alike AS MATERIALIZED (
            SELECT l.happened_at, l.kind, l.entry_id, l.amount FROM alphapulse.ledger AS l
            WHERE l.account = e.account AND l.wallet = e.wallet AND l.asset = e.asset
              AND alphapulse.repeated_history(l.class) = history
              AND l.happened_at BETWEEN e.happened_at - 2 * reach AND e.happened_at + 2 * reach
              AND NOT portfolio.is_settled(l.account, l.wallet, l.asset, history, l.happened_at, TRUE)
              AND NOT EXISTS (SELECT FROM portfolio.referenced(l))
        ), unnamed AS (
            -- its parts, unless an entry has the amount of the whole row
            SELECT m.happened_at,
                   CASE WHEN sum(m.amount) = e.amount THEN 1
                        WHEN sum(m.amount) IN (
                            SELECT a.amount FROM alike AS a WHERE a.happened_at
                            BETWEEN m.happened_at - reach AND m.happened_at + reach
                        ) THEN 0
                        ELSE count(*) FILTER (WHERE m.amount = e.amount) END AS times
            FROM portfolio.history_movements AS m
            WHERE m.account = e.account AND m.wallet = e.wallet AND m.asset = e.asset
              AND m.dataset = history
              AND m.happened_at BETWEEN e.happened_at - reach AND e.happened_at + reach
              AND NOT portfolio.is_settled(e.account, e.wallet, e.asset, history, m.happened_at, FALSE)
              AND NOT EXISTS (
                  SELECT FROM alphapulse.ledger AS l
                  CROSS JOIN LATERAL portfolio.referenced(l) AS r
                  WHERE l.account = e.account AND l.wallet = e.wallet AND l.asset = e.asset
                    AND alphapulse.repeated_history(l.class) = history
                    AND l.happened_at BETWEEN m.happened_at - reach AND m.happened_at + reach
                    AND (portfolio.is_of(m.entry, l.reference_id)
                         OR portfolio.is_of(m.entry, l.entry_id))
                    AND NOT portfolio.is_settled(
                        l.account, l.wallet, l.asset, history, l.happened_at, TRUE)
                    AND r.entry = m.entry AND r.happened_at = m.happened_at
              )
            GROUP BY m.entry, m.happened_at
        )
        SELECT coalesce(sum(u.times), 0) >= (
                   SELECT count(*) FROM alike AS a
                   WHERE a.amount = e.amount AND a.happened_at = e.happened_at
                     AND (a.kind, a.entry_id) <= (e.kind, e.entry_id)
               )
        FROM unnamed AS u
        WHERE e.happened_at = (
            SELECT a.happened_at FROM alike AS a WHERE a.amount = e.amount
            ORDER BY greatest(a.happened_at, u.happened_at) - least(a.happened_at, u.happened_at),
                     a.happened_at
            LIMIT 1
        )
    ) THEN
        RETURN 0;
    END IF;

    IF history = 'trades' AND e.reference_id <> '' AND NOT EXISTS (
        SELECT FROM alphapulse.ledger AS l
        WHERE l.account = e.account AND l.wallet = e.wallet AND l.asset = e.asset
          AND l.reference_id = e.reference_id AND (l.kind, l.entry_id) <> (e.kind, e.entry_id)
          AND l.happened_at BETWEEN e.happened_at - interval '1 minute'
              AND e.happened_at + interval '1 minute'
    ) THEN
        SELECT sum(m.amount) INTO filled
        FROM portfolio.history_movements AS m
        WHERE m.account = e.account AND m.wallet = e.wallet AND m.asset = e.asset
          AND m.dataset = history
          AND m.happened_at BETWEEN e.happened_at - interval '1 minute'
              AND e.happened_at + interval '1 minute'
          AND NOT portfolio.is_settled(e.account, e.wallet, e.asset, history, m.happened_at, FALSE)
          AND m.entry IN (
              SELECT t.market || ' ' || t.trade_id FROM alphapulse.trades AS t
              WHERE t.account = e.account AND t.order_id = e.reference_id
                AND t.executed_at BETWEEN e.happened_at - interval '1 minute'
                    AND e.happened_at + interval '1 minute'
          );
    END IF;
    RETURN e.amount - coalesce(filled, 0);
END $$;
