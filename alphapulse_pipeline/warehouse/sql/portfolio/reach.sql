-- How far the time of a ledger entry may be from that of the row that it repeats.

-- Fills and their entries have one clock, which some exchanges round to seconds. A transfer is
-- listed when it is made, and booked when it arrives.
CREATE OR REPLACE FUNCTION portfolio.reach(history text) RETURNS interval
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE history
        WHEN 'trades' THEN interval '1 second'
        WHEN 'transfers' THEN interval '1 day'
        ELSE interval '1 minute'
    END
$$;
