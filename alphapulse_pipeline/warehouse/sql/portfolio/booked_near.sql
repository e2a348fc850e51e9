-- The time of the ledger entries that may repeat rows of this history and are nearest to a time.

CREATE OR REPLACE FUNCTION portfolio.booked_near(
    account_ text, wallet_ text, asset_ text, history text, near timestamptz
) RETURNS timestamptz LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN (
        SELECT l.happened_at FROM alphapulse.ledger AS l
        WHERE l.account = account_ AND l.wallet = wallet_ AND l.asset = asset_
          AND alphapulse.repeated_history(l.class) = history
          AND l.happened_at BETWEEN near - portfolio.reach(history)
              AND near + portfolio.reach(history)
        ORDER BY greatest(l.happened_at, near) - least(l.happened_at, near), l.happened_at LIMIT 1
    );
END $$;
