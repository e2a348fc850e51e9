-- The last price of an asset known at a time; before its first price, that one; NULL without any.

CREATE OR REPLACE FUNCTION portfolio.price_at(asset_ text, at_ timestamptz) RETURNS numeric
LANGUAGE sql STABLE AS $$
    SELECT coalesce(
        (SELECT price FROM portfolio.prices WHERE asset = asset_ AND at <= at_
         ORDER BY at DESC LIMIT 1),
        (SELECT price FROM portfolio.prices WHERE asset = asset_ AND at > at_
         ORDER BY at LIMIT 1))
$$;
