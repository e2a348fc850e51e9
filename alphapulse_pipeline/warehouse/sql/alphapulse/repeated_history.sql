-- The history whose rows ledger entries of this class repeat, if they are stored; NULL if there is
-- none. The classes are those that the histories declare as ledger_classes.

CREATE OR REPLACE FUNCTION alphapulse.repeated_history(class text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE {cases} END
$$;
