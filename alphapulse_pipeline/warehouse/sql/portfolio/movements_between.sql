-- The movements of an account after one time and up to another; reads no other rows.

-- PL/pgSQL, since the times of a join are not pushed down into the view, and all its tables would
-- be read; parameters are.
CREATE OR REPLACE FUNCTION portfolio.movements_between(
    account_ text, after_ timestamptz, until_ timestamptz
) RETURNS SETOF portfolio.movements LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN QUERY SELECT * FROM portfolio.movements AS m
    WHERE m.account = account_ AND m.happened_at > after_ AND m.happened_at <= until_;
END $$;
