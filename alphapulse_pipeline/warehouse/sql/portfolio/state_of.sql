-- The state of sums over a time that ends then, e.g. of a month: of one account, or of all (''). A
-- sum is final once nothing can be added to it.
CREATE OR REPLACE FUNCTION portfolio.state_of(account_ text, ends_at timestamptz) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT s.state
    FROM (SELECT) AS one
    LEFT JOIN portfolio.finality AS f ON f.account = account_ AND f.asset = ''
    CROSS JOIN LATERAL portfolio.state_at(f, ends_at, TRUE) AS s
$$;
