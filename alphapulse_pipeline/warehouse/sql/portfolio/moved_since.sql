-- The times of an account at which the movements may be others than before a time of recording:
-- those of rows that are new, changed or deleted, and of what such a row is matched with.

CREATE OR REPLACE FUNCTION portfolio.moved_since(account_ text, since_ timestamptz)
RETURNS SETOF timestamptz LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN QUERY
    WITH new AS (
        SELECT t.since, t.happened_at, t.until, t.happened_at - t.since AS reach
        FROM portfolio.touched AS t
        WHERE t.account = account_ AND t.recorded_at >= since_
        UNION
        SELECT w.happened_at - r.reach, w.happened_at, w.happened_at, r.reach
        FROM portfolio.rewritten AS w
        CROSS JOIN LATERAL (
            SELECT portfolio.reach(replace(w.dataset, 'ledger', 'transfers')) AS reach
        ) AS r
        WHERE w.account = account_ AND w.recorded_at >= since_
    )
    SELECT m.happened_at FROM portfolio.history_movements AS m
    WHERE m.account = account_ AND m.recorded_at >= since_
    UNION
    SELECT unnest(ARRAY[n.since, n.happened_at, n.until, n.until + n.reach]) FROM new AS n
    UNION
    -- transfers and their entries are matched over a day
    SELECT l.happened_at
    FROM (SELECT * FROM new WHERE reach >= portfolio.reach('transfers') OFFSET 0) AS wide
    CROSS JOIN LATERAL (
        SELECT l.happened_at FROM alphapulse.ledger AS l
        WHERE l.account = account_ AND l.class = 'transfer'
          AND l.happened_at BETWEEN wide.since AND wide.until + wide.reach
        OFFSET 0 -- by the index, not beyond the day
    ) AS l;
END $$;
