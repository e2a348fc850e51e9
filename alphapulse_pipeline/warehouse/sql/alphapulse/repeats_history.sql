-- Whether a ledger entry of this class repeats a row of a history (trades, transfers, funding or
-- conversions): it moves no balance a second time.

CREATE OR REPLACE FUNCTION alphapulse.repeats_history(class text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT class IN ('trade', 'fee', 'transfer', 'funding', 'conversion')
$$;
