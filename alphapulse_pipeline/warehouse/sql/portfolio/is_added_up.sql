-- Whether portfolio.movements_daily includes all rows of an account up to a time.

CREATE OR REPLACE FUNCTION portfolio.is_added_up(account_ text, until_ timestamptz)
RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (
        SELECT FROM portfolio.refreshed AS r
        WHERE r.name = 'movements_daily' AND NOT EXISTS (
            SELECT FROM portfolio.touched AS t
            WHERE t.account = account_ AND t.recorded_at >= r.up_to AND t.since <= until_
        ) AND NOT EXISTS (
            SELECT FROM portfolio.rewritten AS w
            WHERE w.account = account_ AND w.recorded_at >= r.up_to AND w.happened_at <= until_
        )
    )
$$;
