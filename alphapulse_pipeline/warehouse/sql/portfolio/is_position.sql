-- Whether a book of lots is that of a position: the market of a perpetual or a future. Options are
-- bought and sold like assets.

CREATE OR REPLACE FUNCTION portfolio.is_position(name text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT alphapulse.kind_in_name(name) IN ('swap', 'future')
$$;
