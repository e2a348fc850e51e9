-- The parts of ccxt's unified name of a market; settle is '' on spot.

CREATE OR REPLACE FUNCTION alphapulse.market_in_name(market_ text)
RETURNS TABLE (base text, quote text, settle text, kind text)
LANGUAGE sql IMMUTABLE PARALLEL SAFE ROWS 1 AS $$
    SELECT
        split_part(market_, '/', 1),
        split_part(split_part(market_, '/', 2), ':', 1),
        split_part(split_part(market_, ':', 2), '-', 1),
        alphapulse.kind_in_name(market_)
$$;
