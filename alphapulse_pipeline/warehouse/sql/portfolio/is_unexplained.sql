-- Whether the difference for which a time is read again is still there.

CREATE OR REPLACE FUNCTION portfolio.is_unexplained(k alphapulse.rereads) RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT EXISTS (
        SELECT FROM portfolio.reconciliation AS r
        WHERE r.account = k.account AND r.closed_at = k.closed_at AND r.wallet = k.wallet
          AND r.asset = k.asset AND r.residual = k.residual
          AND r.state IN ('break', 'unverifiable')
    ) OR EXISTS (
        SELECT FROM portfolio.position_reconciliation AS r
        WHERE r.account = k.account AND r.closed_at = k.closed_at AND r.market = k.market
          AND r.residual = k.residual AND r.state IN ('break', 'unverifiable')
    )
$$;
