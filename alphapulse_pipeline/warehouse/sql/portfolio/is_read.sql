-- Whether a snapshot read a wallet: only then is what it does not list zero.

CREATE OR REPLACE FUNCTION portfolio.is_read(account_ text, wallet_ text, captured_at_ timestamptz)
RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (
        SELECT FROM alphapulse.snapshots AS s
        WHERE s.account = account_ AND s.dataset = 'balances' AND s.captured_at = captured_at_
          AND wallet_ <> ALL (s.unread)
    ) AND (EXISTS (
        SELECT FROM alphapulse.balances AS b
        WHERE b.account = account_ AND b.captured_at = captured_at_ AND b.wallet = wallet_
    ) OR EXISTS (
        -- no other list says which wallets the exchange's snapshots have
        SELECT FROM portfolio.lot_accounts AS k
        WHERE k.account = account_ AND wallet_ = ANY (k.wallets)
    ))
$$;
