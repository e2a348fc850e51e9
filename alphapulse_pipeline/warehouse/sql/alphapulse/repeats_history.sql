-- Whether a ledger entry of this class repeats a row of a history, and so moves no balance a second
-- time. The classes are those that the histories declare as ledger_classes.

CREATE OR REPLACE FUNCTION alphapulse.repeats_history(class text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT class IN ({classes})
$$;
