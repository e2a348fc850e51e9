-- Whether a movement's entry has this id: an entry is the rest of the row's key, then its id.

CREATE OR REPLACE FUNCTION portfolio.is_of(entry text, id text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT id <> '' AND right(entry, length(id) + 1) = ' ' || id
$$;
