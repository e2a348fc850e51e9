-- Whether the stored rows of a history explain all entries of one instant, in whatever shape both
-- list them: several entries for a fill, or one for several fills.

CREATE OR REPLACE FUNCTION portfolio.is_settled(
    account_ text, wallet_ text, asset_ text, history text, at timestamptz
) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN coalesce((
        SELECT sum(l.amount) FROM alphapulse.ledger AS l
        WHERE l.account = account_ AND l.happened_at = at AND l.wallet = wallet_
          AND l.asset = asset_ AND alphapulse.repeated_history(l.class) = history
    ) = (
        SELECT sum(m.amount) FROM portfolio.history_movements AS m
        WHERE m.account = account_ AND m.happened_at = at AND m.wallet = wallet_
          AND m.asset = asset_ AND m.dataset = history
    ), FALSE);
END $$;
