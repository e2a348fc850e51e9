-- Both sides of a swap are worth the same: what is paid, including fees in the same asset, at its
-- price then; where that has no price, what is received. A fee in a third asset is part of the cost
-- or the proceeds of what was bought or sold (of the other side, where what was bought is the
-- reporting currency, which has no lots). `value` has the sign of the change in the cost of all
-- that is held, so that the legs of a swap add up to zero.
SELECT
    t.account, t.wallet, l.asset, t.executed_at AS happened_at, 5 AS stage, l.step, l.treatment,
    l.kind, l.amount, l.value, l.reported_pnl, l.price, t.market || ' ' || t.trade_id AS entry,
    NULL::text AS from_account, NULL::text AS carries, NULL::timestamptz AS left_at
FROM alphapulse.trades AS t
CROSS JOIN LATERAL (
    SELECT
        m.base,
        CASE m.kind WHEN 'spot' THEN m.quote ELSE m.settle END AS money,
        m.kind IN ('swap', 'future') AS contract,
        m.kind = 'option' AS option,
        CASE t.side WHEN 'buy' THEN 1 ELSE -1 END AS sign,
        coalesce(t.fee_cost, 0) AS fee,
        coalesce(t.fee_currency, '') AS fee_in
    FROM alphapulse.market_of(t.account, t.market) AS m
    LIMIT 1 -- found once for all legs
) AS n
CROSS JOIN LATERAL (
    SELECT
        CASE WHEN n.option THEN t.market ELSE n.base END AS bought,
        n.sign * t.amount
        - CASE WHEN n.fee_in = n.base AND NOT n.option THEN n.fee ELSE 0 END AS given,
        -n.sign * t.cost - CASE WHEN n.fee_in = n.money THEN n.fee ELSE 0 END AS paid,
        CASE
            WHEN n.fee_in IN ('', n.money) OR (n.fee_in = n.base AND NOT n.option) THEN 0
            ELSE n.fee
        END AS third
) AS s
CROSS JOIN LATERAL (
    SELECT
        s.bought = (SELECT currency FROM portfolio.lot_settings) AS for_cash,
        portfolio.price_at(n.money, t.executed_at) AS money_price,
        CASE
            WHEN s.third <> 0 OR (n.contract AND n.fee <> 0 AND n.fee_in <> n.money)
                THEN portfolio.price_at(n.fee_in, t.executed_at)
            WHEN n.contract AND n.fee <> 0 THEN portfolio.price_at(n.money, t.executed_at)
        END AS fee_price,
        CASE
            WHEN n.contract
                THEN coalesce(t.realized_pnl, portfolio.realized_pnl_of(t, n.money))
        END AS pnl
    LIMIT 1 -- found once for all legs
) AS p
CROSS JOIN LATERAL (
    SELECT
        CASE WHEN s.third = 0 THEN 0 ELSE s.third * p.fee_price END AS fee,
        CASE WHEN p.for_cash OR s.third = 0 THEN 0 ELSE s.third * p.fee_price END AS fee_of_bought,
        CASE
            WHEN s.paid = 0 THEN 0
            WHEN p.for_cash THEN -s.given
            ELSE coalesce(
                s.paid * p.money_price, -s.given * portfolio.price_at(s.bought, t.executed_at)
            )
        END AS worth
) AS v
CROSS JOIN LATERAL (
    SELECT
        1 AS step, s.bought AS asset, 'swap' AS treatment, t.kind, s.given AS amount,
        v.fee_of_bought - v.worth AS value, NULL::numeric AS reported_pnl, NULL::numeric AS price
    WHERE NOT n.contract
    UNION ALL
    SELECT
        2, n.money, 'swap', t.kind, s.paid, v.worth + v.fee - v.fee_of_bought, NULL, NULL
    WHERE NOT n.contract AND s.paid <> 0
    UNION ALL
    SELECT 3, n.fee_in, 'swap', 'fee', -s.third, -v.fee, NULL, NULL
    WHERE NOT n.contract AND s.third <> 0
    UNION ALL
    SELECT
        1, t.market, 'position', t.kind, n.sign * t.amount,
        CASE WHEN n.base = n.money THEN -n.sign ELSE n.sign END * t.cost, p.pnl,
        p.money_price
    WHERE n.contract
    UNION ALL
    SELECT 2, t.market, 'line', 'fee', 0, -n.fee * p.fee_price, NULL, NULL
    WHERE n.contract AND n.fee <> 0 AND n.fee_in <> ''
    UNION ALL
    SELECT 3, n.money, 'swap', 'payment', c.amount, c.amount * p.money_price, NULL, NULL
    FROM (
        SELECT
            coalesce(p.pnl, 0) - CASE WHEN n.fee_in = n.money THEN n.fee ELSE 0 END
                AS amount
    ) AS c
    WHERE n.contract AND c.amount <> 0
    UNION ALL
    SELECT 4, n.fee_in, 'swap', 'payment', -n.fee, -n.fee * p.fee_price, NULL, NULL
    WHERE n.contract AND n.fee_in NOT IN ('', n.money) AND n.fee <> 0
) AS l
