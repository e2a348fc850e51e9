-- When the first row that moves a balance of the account happened; NULL if it has none.

CREATE OR REPLACE FUNCTION portfolio.first_entry(account_ text) RETURNS timestamptz
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT min(first.at) FROM (
{selects}
    ) AS first (at)
$$;
