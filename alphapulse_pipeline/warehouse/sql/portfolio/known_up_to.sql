-- The time before which every recorded row is committed, or never will be.

-- Only an open transaction can still commit older rows, and none older than its own start. Vacuum
-- writes none.
CREATE OR REPLACE FUNCTION portfolio.known_up_to() RETURNS timestamptz
LANGUAGE sql VOLATILE AS $$
    SELECT least(clock_timestamp(), min(xact_start)) FROM pg_catalog.pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()
      AND backend_type <> 'autovacuum worker'
$$;
