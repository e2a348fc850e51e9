-- What each entry of a history changes in the lots, at its value then: a movement with its price.
-- treatment says how the lots take it: swap, position, line, earned, carried or moved. Positions
-- change by contracts, and are valued at their entry in the settle currency.

-- Both sides of a swap are worth the same: what is paid, including fees in the same asset, at its
-- price then; where that has no price, what is received. A fee in a third asset is part of the cost
-- or the proceeds of what was bought or sold (of the other side, where what was bought is the
-- reporting currency, which has no lots). `value` has the sign of the change in the cost of all
-- that is held, so that the legs of a swap add up to zero.
CREATE OR REPLACE VIEW portfolio.legs AS
SELECT
    t.account, t.wallet, l.asset, t.executed_at AS happened_at, 5 AS stage, l.step, l.treatment,
    l.kind, l.amount, l.value, l.reported_pnl, l.price, t.market || ' ' || t.trade_id AS entry,
    NULL::text AS from_account, NULL::text AS carries
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
        END AS fee_price
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
        CASE WHEN n.base = n.money THEN -n.sign ELSE n.sign END * t.cost, t.realized_pnl,
        p.money_price
    WHERE n.contract
    UNION ALL
    SELECT 2, t.market, 'line', 'fee', 0, -n.fee * p.fee_price, NULL, NULL
    WHERE n.contract AND n.fee <> 0 AND n.fee_in <> ''
    UNION ALL
    SELECT 3, n.money, 'swap', 'payment', c.amount, c.amount * p.money_price, NULL, NULL
    FROM (
        SELECT
            coalesce(t.realized_pnl, 0) - CASE WHEN n.fee_in = n.money THEN n.fee ELSE 0 END
                AS amount
    ) AS c
    WHERE n.contract AND c.amount <> 0
    UNION ALL
    SELECT 4, n.fee_in, 'swap', 'payment', -n.fee, -n.fee * p.fee_price, NULL, NULL
    WHERE n.contract AND n.fee_in NOT IN ('', n.money) AND n.fee <> 0
) AS l
UNION ALL
SELECT
    t.account, m.wallet, m.asset, m.happened_at, m.stage, m.step, m.treatment, m.kind, m.amount,
    m.amount * portfolio.price_at(m.asset, m.happened_at), NULL, NULL,
    t.kind || ' ' || t.transfer_id, m.from_account, m.carries
FROM alphapulse.transfers AS t
LEFT JOIN portfolio.lot_accounts AS a USING (account)
LEFT JOIN portfolio.own_transfers AS d
    ON t.kind = 'deposit' AND t.account = d.account AND t.transfer_id = d.transfer_id
LEFT JOIN portfolio.own_transfers AS w
    ON t.kind = 'withdrawal' AND t.account = w.from_account AND t.transfer_id = w.from_id
CROSS JOIN LATERAL (
    SELECT
        t.kind = 'withdrawal' AND t.status IN ('failed', 'canceled')
        AND t.updated_at IS NOT NULL AS back,
        t.kind = 'transfer' AND t.status NOT IN ('failed', 'canceled')
        AND (a.wallets IS NULL OR NOT ARRAY[t.from_wallet, t.to_wallet] <@ a.wallets) AS half
) AS f
CROSS JOIN LATERAL (
    SELECT
        1 AS step, t.to_wallet AS wallet, t.asset,
        coalesce(t.updated_at, t.happened_at) AS happened_at, 2 AS stage, t.amount,
        CASE WHEN d.from_id IS NULL THEN 'swap' ELSE 'carried' END AS treatment,
        CASE WHEN d.from_id IS NULL THEN 'deposit' ELSE 'transfer' END AS kind,
        d.from_account, 'withdrawal ' || d.from_id AS carries
    WHERE t.kind = 'deposit' AND t.status = 'ok'
    UNION ALL
    SELECT
        1, t.from_wallet, t.asset, t.happened_at, 1, -t.amount, 'moved',
        CASE WHEN w.from_id IS NULL AND NOT f.back THEN 'withdrawal' ELSE 'transfer' END,
        NULL, NULL
    WHERE t.kind = 'withdrawal'
    UNION ALL
    SELECT
        2, t.from_wallet, t.fee_currency, t.happened_at, 1, -t.fee_cost, 'earned', 'fee', NULL, NULL
    WHERE t.kind = 'withdrawal' AND t.fee_cost <> 0
    UNION ALL
    SELECT
        3, t.from_wallet, t.asset, t.updated_at, 2, t.amount, 'carried', 'transfer',
        t.account, 'withdrawal ' || t.transfer_id
    WHERE f.back
    UNION ALL
    SELECT
        4, t.from_wallet, t.fee_currency, t.updated_at, 2, t.fee_cost, 'earned', 'fee', NULL, NULL
    WHERE f.back AND t.fee_cost <> 0
    UNION ALL
    SELECT
        1, t.from_wallet, t.asset, t.happened_at, 1, -t.amount, 'moved', 'withdrawal', NULL, NULL
    WHERE f.half
    UNION ALL
    SELECT 2, t.to_wallet, t.asset, t.happened_at, 2, t.amount, 'swap', 'deposit', NULL, NULL
    WHERE f.half
) AS m
WHERE m.wallet <> ''
UNION ALL
SELECT
    f.account, f.wallet, l.asset, f.happened_at, 3, l.step, l.treatment, l.kind, l.amount,
    f.amount * portfolio.price_at(f.asset, f.happened_at), NULL, NULL,
    f.market || ' ' || f.funding_id, NULL, NULL
FROM alphapulse.funding AS f
CROSS JOIN LATERAL (
    VALUES
    (1, f.market, 'line', 'funding', 0::numeric),
    (2, f.asset, 'swap', 'payment', f.amount)
) AS l (step, asset, treatment, kind, amount)
UNION ALL
SELECT
    account, wallet, asset, happened_at, 4, 1, 'earned',
    CASE WHEN amount < 0 THEN 'expense' ELSE 'income' END, amount,
    amount * portfolio.price_at(asset, happened_at), NULL, NULL, kind || ' ' || entry_id, NULL, NULL
FROM alphapulse.ledger
-- a loan changes what is held and what is owed by the same amount: nothing is earned
WHERE NOT alphapulse.repeats_history(class) AND class <> 'loan'
UNION ALL
SELECT
    o.account, NULL, o.asset, a.begins_at, 0, 1,
    CASE WHEN portfolio.is_position(o.asset) THEN 'position' ELSE 'swap' END, 'opening', o.amount,
    CASE
        WHEN NOT portfolio.is_position(o.asset)
            THEN o.amount * portfolio.price_at(o.asset, a.begins_at)
    END, NULL, NULL, 'opening ' || o.asset, NULL, NULL
FROM portfolio.openings AS o
INNER JOIN portfolio.lot_accounts AS a USING (account);
