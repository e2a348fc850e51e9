-- Whether what is derived for a time is final: final, provisional (rows that can change it may
-- still arrive) or partial (some of what it rests on is lost or has no price), and why.

-- f is the row of portfolio.finality; NULL where nothing was matched yet. PostgreSQL inlines the
-- function, so that a view costs one join: keep it one SELECT.
CREATE OR REPLACE FUNCTION portfolio.state_at(
    f portfolio.finality, at timestamptz, priced boolean
) RETURNS TABLE (state text, reason text) LANGUAGE sql STABLE PARALLEL SAFE ROWS 1 AS $$
    SELECT
        CASE
            WHEN (f).provisional_from IS NULL OR at >= (f).provisional_from THEN 'provisional'
            WHEN at >= (f).partial_from OR NOT priced THEN 'partial'
            ELSE 'final'
        END,
        CASE
            WHEN (f).provisional_from IS NULL THEN 'not matched yet'
            WHEN at >= (f).provisional_from THEN (f).provisional_reason
            WHEN at >= (f).partial_from THEN (f).partial_reason
            WHEN NOT priced THEN 'no price'
            ELSE ''
        END
$$;
