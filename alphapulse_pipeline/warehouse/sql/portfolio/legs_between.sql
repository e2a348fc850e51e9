-- The legs of an account from one time to another, both included; reads no other rows.

-- PL/pgSQL for the reason of portfolio.movements_between.
CREATE OR REPLACE FUNCTION portfolio.legs_between(
    account_ text, since_ timestamptz, until_ timestamptz
) RETURNS SETOF portfolio.legs LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN QUERY SELECT * FROM portfolio.legs AS l
    WHERE l.account = account_ AND l.happened_at >= since_ AND l.happened_at <= until_;
END $$;
