-- Whether a balance may be negative: a snapshot or its ledger shows it so, or the ledger has loans.

CREATE OR REPLACE FUNCTION portfolio.may_owe(account_ text, wallet_ text, asset_ text)
RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (
        SELECT FROM alphapulse.ledger AS l
        WHERE l.account = account_ AND l.wallet = wallet_ AND l.asset = asset_
          AND (l.balance_after < 0 OR l.class = 'loan')
    ) OR EXISTS (
        SELECT FROM alphapulse.balances AS b
        WHERE b.account = account_ AND b.wallet = wallet_ AND b.asset = asset_
          AND (b.total < 0 OR b.debt > 0)
    )
$$;
