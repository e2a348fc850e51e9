-- A time as messages show it, in UTC.

CREATE OR REPLACE FUNCTION portfolio.shown(at timestamptz) RETURNS text
LANGUAGE sql STABLE AS $$
    SELECT to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS')
$$;
