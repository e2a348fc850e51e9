-- Whether a withdrawal failed or was canceled, and no record says when its amount came back: it has
-- no time of its own, and the wallet has no ledger. A list of rewards alone is none.

CREATE OR REPLACE FUNCTION portfolio.refund_unrecorded(
    account_ text, wallet_ text, status text, refunded_at timestamptz
) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT status IN ('failed', 'canceled') AND refunded_at IS NULL AND NOT EXISTS (
        SELECT FROM alphapulse.ledger AS l
        WHERE l.account = account_ AND l.wallet = wallet_ AND l.class <> 'reward')
$$;
