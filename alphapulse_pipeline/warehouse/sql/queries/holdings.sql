-- balances --
-- What each wallet holds and does not owe.
SELECT b.wallet, b.asset, b.total - b.debt AS amount
FROM alphapulse.balances_latest AS b
WHERE b.account = %(account)s;

-- positions --
-- What the newest positions add to the balances, by the category of their market: the market value
-- of options, of other contracts the profit. As portfolio.position_parts, which has no categories.
SELECT CASE WHEN m.kind IN ('spot', 'option') THEN m.kind
            WHEN m.settle = m.base THEN 'inverse' ELSE 'linear' END AS category,
       coalesce(nullif(m.settle, ''), m.quote) AS asset,
       CASE WHEN m.kind <> 'option' THEN p.unrealized_pnl
            ELSE CASE p.side WHEN 'short' THEN -1 ELSE 1 END * p.contracts
                 * coalesce(p.contract_size, listed.contract_size) * p.mark_price END AS amount
FROM alphapulse.positions_latest AS p
LEFT JOIN alphapulse.markets AS listed USING (account, market)
CROSS JOIN LATERAL alphapulse.market_of(p.account, p.market) AS m
WHERE p.account = %(account)s;

-- prices --
-- The newest prices of markets whose price is one in their quote currency: not dated futures, and
-- not contracts that settle in a third currency. Spot comes first.
SELECT m.base, m.quote,
       CASE WHEN p.bid > 0 AND p.ask > 0 THEN (p.bid + p.ask) / 2 ELSE p.last END AS price
FROM alphapulse.prices_latest AS p
CROSS JOIN LATERAL alphapulse.market_of(p.account, p.market) AS m
WHERE p.account = %(account)s AND m.kind IN ('spot', 'swap')
  AND m.settle IN ('', m.base, m.quote) AND (p.bid > 0 AND p.ask > 0 OR p.last > 0)
ORDER BY m.kind, p.market;

-- read_since --
-- The datasets with a snapshot since `oldest`.
SELECT DISTINCT dataset FROM alphapulse.snapshots
WHERE account = %(account)s AND captured_at >= %(oldest)s;
