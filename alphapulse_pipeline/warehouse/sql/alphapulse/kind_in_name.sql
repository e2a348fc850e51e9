-- What ccxt's unified name says a market is: spot, swap, future or option.
-- BTC/USDT, BTC/USDT:USDT, BTC/USDT:USDT-260626, BTC/USDT:USDT-260626-90000-C.

CREATE OR REPLACE FUNCTION alphapulse.kind_in_name(market_ text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE
        WHEN position(':' IN market_) = 0 THEN 'spot'
        WHEN market_ ~ '-[CP]$' THEN 'option'
        WHEN position('-' IN split_part(market_, ':', 2)) > 0 THEN 'future'
        ELSE 'swap'
    END
$$;
