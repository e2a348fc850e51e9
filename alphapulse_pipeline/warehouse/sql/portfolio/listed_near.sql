-- The time of the movements of this history that are nearest to a time.

CREATE OR REPLACE FUNCTION portfolio.listed_near(
    account_ text, wallet_ text, asset_ text, history text, near timestamptz
) RETURNS timestamptz LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN (
        SELECT m.happened_at FROM portfolio.history_movements AS m
        WHERE m.account = account_ AND m.wallet = wallet_ AND m.asset = asset_
          AND m.dataset = history
          AND m.happened_at BETWEEN near - portfolio.reach(history)
              AND near + portfolio.reach(history)
        ORDER BY greatest(m.happened_at, near) - least(m.happened_at, near), m.happened_at LIMIT 1
    );
END $$;
