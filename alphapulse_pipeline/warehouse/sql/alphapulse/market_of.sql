-- The parts of an account's market, always one row: from alphapulse.markets, or from the market's
-- name where that table lacks it. settle is '' on spot; kind is spot, swap, future or option.

-- PostgreSQL inlines it, so that a view costs one join: keep it one SELECT, STABLE and not STRICT.
CREATE OR REPLACE FUNCTION alphapulse.market_of(account_ text, market_ text)
RETURNS TABLE (base text, quote text, settle text, kind text)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 1 AS $$
    SELECT
        coalesce(m.base, n.base),
        coalesce(m.quote, n.quote),
        coalesce(m.settle, n.settle),
        coalesce(m.type, n.kind)
    FROM alphapulse.market_in_name(market_) AS n
    LEFT JOIN alphapulse.markets AS m
        ON m.account = account_ AND m.market = market_
        AND m.type IN ('spot', 'swap', 'future', 'option') -- a guessed market has the type none
$$;
