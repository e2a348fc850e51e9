-- Whether the stored rows of a history explain all entries of one instant, in whatever shape both
-- list them: several entries for a fill, or one for several fills. at is the time of the entries if
-- booked, else that of the rows; the two instants are those nearest to each other.

CREATE OR REPLACE FUNCTION portfolio.is_settled(
    account_ text, wallet_ text, asset_ text, history text, at timestamptz, booked boolean
) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
DECLARE
    booked_at timestamptz := at;
    listed_at timestamptz := at;
BEGIN
    IF booked THEN
        listed_at := portfolio.listed_near(account_, wallet_, asset_, history, at);
    END IF;
    booked_at := portfolio.booked_near(account_, wallet_, asset_, history, listed_at);
    IF booked AND booked_at IS DISTINCT FROM at OR NOT booked AND at IS DISTINCT FROM
        portfolio.listed_near(account_, wallet_, asset_, history, booked_at)
    THEN
        RETURN FALSE;
    END IF;
    RETURN coalesce((
        SELECT sum(l.amount) FROM alphapulse.ledger AS l
        WHERE l.account = account_ AND l.happened_at = booked_at AND l.wallet = wallet_
          AND l.asset = asset_ AND alphapulse.repeated_history(l.class) = history
    ) = (
        SELECT sum(m.amount) FROM portfolio.history_movements AS m
        WHERE m.account = account_ AND m.happened_at = listed_at AND m.wallet = wallet_
          AND m.asset = asset_ AND m.dataset = history
    ), FALSE);
END $$;
