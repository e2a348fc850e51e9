-- What the positions of a snapshot add to the balances, in the currency that they settle in: the
-- market value of options (option), the unrealized profit of other contracts (unrealized).

-- An option's premium was paid when it was bought, so its market value comes on top of the balance;
-- of other contracts only the profit does. Positions on margin are on spot markets, and have their
-- profit in the quote currency. Exchanges report positions without a wallet.
CREATE OR REPLACE FUNCTION portfolio.position_parts(account_ text, captured_at_ timestamptz)
RETURNS TABLE (asset text, kind text, amount numeric) LANGUAGE sql STABLE AS $$
    SELECT coalesce(nullif(m.settle, ''), m.quote), parts.kind,
           CASE WHEN bool_or(parts.amount IS NULL) THEN NULL ELSE sum(parts.amount) END
    FROM alphapulse.positions AS p
    LEFT JOIN alphapulse.markets AS listed USING (account, market)
    CROSS JOIN LATERAL alphapulse.market_of(p.account, p.market) AS m
    CROSS JOIN LATERAL (
        SELECT 'option' AS kind,
               CASE p.side WHEN 'short' THEN -1 ELSE 1 END * p.contracts
               * coalesce(p.contract_size, listed.contract_size) * p.mark_price AS amount
        WHERE m.kind = 'option'
        UNION ALL SELECT 'unrealized', p.unrealized_pnl WHERE m.kind <> 'option'
    ) AS parts
    WHERE p.account = account_ AND p.captured_at = captured_at_
    GROUP BY 1, 2
$$;
