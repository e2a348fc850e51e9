-- The value of each account, and of all together, at the end of every day since history_start, and
-- how much of its change was deposited. Before the first snapshot it is what was held then (the
-- first snapshot less what moved since) at the day's closes, without the unrealized profit of
-- positions; from then on it is the day's last point of `portfolio.value`. Both sides of a transfer
-- between own accounts are worth the same. What an account held when its histories begin counts as
-- deposited: adding an account is no profit.
WITH RECURSIVE states (names) AS ( -- from the most certain one on
    VALUES (ARRAY['final', 'provisional', 'carried', 'partial', 'broken'])
), traded AS (
    (SELECT account, market FROM alphapulse.trades ORDER BY account, market LIMIT 1)
    UNION ALL
    SELECT next.account, next.market FROM traded CROSS JOIN LATERAL (
        SELECT t.account, t.market FROM alphapulse.trades AS t
        WHERE (t.account, t.market) > (traded.account, traded.market)
        ORDER BY t.account, t.market LIMIT 1
    ) AS next
), contracts AS MATERIALIZED (
    SELECT traded.account, traded.market FROM traded
    CROSS JOIN LATERAL alphapulse.market_of(traded.account, traded.market) AS m
    WHERE m.kind <> 'spot'
), accounts AS (
    SELECT
        d.account, b.first_at, b.last_at, h.since,
        (h.since AT TIME ZONE 'UTC')::date AS first_day,
        (b.first_at AT TIME ZONE 'UTC')::date AS dawn,
        CASE
            WHEN d.deployed THEN (now() AT TIME ZONE 'UTC')::date
            ELSE (b.last_at AT TIME ZONE 'UTC')::date
        END AS last_day,
        o.until AS positions_until
    FROM alphapulse.datasets AS d
    CROSS JOIN LATERAL (
        SELECT min(s.captured_at) AS first_at, max(s.captured_at) AS last_at
        FROM alphapulse.snapshots AS s WHERE s.account = d.account AND s.dataset = 'balances'
    ) AS b
    CROSS JOIN LATERAL (
        SELECT coalesce(min(lower(s.wanted)), b.first_at) AS since FROM alphapulse.streams AS s
        WHERE s.account = d.account AND NOT isempty(s.wanted)
    ) AS h
    CROSS JOIN LATERAL ( -- at most until then a position was open before the first snapshot
        SELECT CASE
            WHEN EXISTS (
                SELECT FROM alphapulse.positions AS p
                WHERE p.account = d.account AND p.captured_at = (
                    SELECT min(s.captured_at) FROM alphapulse.snapshots AS s
                    WHERE s.account = d.account AND s.dataset = 'positions'
                )
            ) THEN b.first_at
            ELSE (
                SELECT max(newest.executed_at) FROM contracts AS c CROSS JOIN LATERAL (
                    SELECT t.executed_at FROM alphapulse.trades AS t
                    WHERE t.account = c.account AND t.market = c.market
                      AND t.executed_at < b.first_at
                    ORDER BY t.executed_at DESC LIMIT 1
                ) AS newest WHERE c.account = d.account
            )
        END AS until
    ) AS o
    WHERE d.dataset = 'balances' AND b.first_at IS NOT NULL
), steps AS (
    SELECT
        m.account, m.wallet, m.asset, m.day, m.amount, m.loans, m.transfers, m.rise, m.missing_fill
    FROM portfolio.movements_daily AS m INNER JOIN accounts AS a USING (account)
    WHERE m.day < a.dawn AND m.day >= a.first_day
    UNION ALL
    SELECT
        a.account, m.wallet, m.asset, a.dawn, sum(m.amount), sum(m.loans), sum(m.transfers),
        sum(m.amount), min(m.missing_fill)
    FROM accounts AS a CROSS JOIN LATERAL portfolio.moved_between(
        a.account, a.dawn::timestamp AT TIME ZONE 'UTC' - interval '1 microsecond', a.first_at
    ) AS m
    GROUP BY a.account, a.dawn, m.wallet, m.asset
), opened AS (
    SELECT a.account, b.wallet, b.asset, b.total, b.debt
    FROM accounts AS a
    INNER JOIN alphapulse.balances AS b ON b.account = a.account AND b.captured_at = a.first_at
), books AS MATERIALIZED ( -- what is asked of the ledger once, not for every day
    SELECT
        account, wallet, asset, coalesce(o.total, 0) AS total, coalesce(o.debt, 0) AS debt,
        portfolio.is_read(account, wallet, a.first_at) AS is_read,
        portfolio.may_owe(account, wallet, asset) AS may_owe
    FROM (
        SELECT account, wallet, asset FROM opened UNION SELECT account, wallet, asset FROM steps
    ) AS every
    INNER JOIN accounts AS a USING (account)
    LEFT JOIN opened AS o USING (account, wallet, asset)
), days AS ( -- the day before the first one is what was there when the histories begin
    SELECT a.account, days.day::date AS day
    FROM accounts AS a
    CROSS JOIN LATERAL generate_series(
        (a.first_day - 1)::timestamp, a.dawn::timestamp, interval '1 day'
    ) AS days (day)
), ends AS ( -- what was held at the end of each day: the snapshot less what moved on later days
    SELECT
        k.account, d.day, k.wallet, k.asset, k.is_read, k.may_owe, s.rise, s.missing_fill,
        coalesce(s.transfers, 0) AS transfers,
        k.total - coalesce(sum(s.amount) OVER later, 0) AS total,
        k.debt - coalesce(sum(s.loans) OVER later, 0) AS debt
    FROM books AS k INNER JOIN days AS d USING (account)
    LEFT JOIN steps AS s USING (account, wallet, asset, day)
    WINDOW later AS (
        PARTITION BY k.account, k.wallet, k.asset ORDER BY d.day DESC
        ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    )
), judged AS ( -- what a day or a later one contradicts changes all before it
    SELECT
        *,
        bool_or(
            total < 0 AND NOT may_owe OR debt < 0
            OR coalesce(total - rise < 0, FALSE) AND NOT may_owe OR missing_fill IS NOT NULL
        ) OVER (PARTITION BY account, wallet, asset ORDER BY day DESC) AS broken
    FROM ends
), held AS (
    SELECT
        account, day, asset, sum(total - debt) FILTER (WHERE is_read) AS amount,
        sum(transfers) FILTER (WHERE is_read) AS transfers,
        min(format('%s in wallet %s', asset, wallet)) FILTER (WHERE broken) AS broken,
        min(wallet) FILTER (WHERE NOT is_read) AS unread
    FROM judged GROUP BY account, day, asset
), closes AS MATERIALIZED (
    SELECT
        asset, day, portfolio.price_at(asset, (day + 1)::timestamp AT TIME ZONE 'UTC') AS price
    FROM (SELECT DISTINCT asset, day FROM held WHERE amount <> 0 OR transfers <> 0) AS needed
), valued AS (
    SELECT
        h.account, h.day, coalesce(sum(h.amount * p.price), 0) AS value,
        coalesce(sum(h.transfers * p.price), 0) AS flows,
        coalesce(array_agg(h.asset ORDER BY h.asset) FILTER (
            WHERE p.price IS NULL AND (h.amount <> 0 OR h.transfers <> 0)
        ), '{}') AS unpriced,
        min(h.broken) AS broken, min(h.unread) AS unread
    FROM held AS h LEFT JOIN closes AS p USING (asset, day)
    GROUP BY h.account, h.day
), gaps AS (
    SELECT
        a.account, u.lost, least(coalesce(upper(u.span), a.first_at), a.first_at) AS until,
        u.dataset || ': ' || u.reason AS reason
    FROM accounts AS a INNER JOIN portfolio.unread AS u USING (account)
    WHERE u.moves AND u.span && tstzrange(a.since, a.first_at)
), rolled AS (
    SELECT
        v.account, v.day, v.value, v.flows, v.unpriced,
        CASE
            WHEN open.reason IS NOT NULL OR NOT k.added_up THEN 'provisional'
            WHEN v.broken IS NOT NULL THEN 'broken'
            WHEN
                v.unread IS NOT NULL OR lost.reason IS NOT NULL OR v.unpriced <> '{}'
                OR e.at <= k.positions_until THEN 'partial'
            WHEN e.at > k.priced_until THEN 'provisional'
            ELSE 'final'
        END AS state,
        coalesce(
            open.reason,
            CASE WHEN NOT k.added_up THEN 'new rows are not added up yet' END,
            v.broken || ': the histories contradict the first snapshot',
            'the first snapshot did not read wallet ' || v.unread,
            lost.reason,
            CASE WHEN v.unpriced <> '{}' THEN 'no price' END,
            CASE WHEN e.at <= k.positions_until
                THEN 'the unrealized profit of positions is not known' END,
            CASE WHEN e.at > k.priced_until THEN 'prices may still arrive' END,
            ''
        ) AS reason
    FROM valued AS v
    INNER JOIN (
        SELECT
            a.*, portfolio.is_added_up(a.account, a.first_at) AS added_up,
            coalesce((
                SELECT r.covered_until FROM portfolio.refreshed AS r WHERE r.name = 'prices'
            ), '-infinity') AS priced_until
        FROM accounts AS a
    ) AS k USING (account)
    CROSS JOIN LATERAL (
        SELECT
            v.day::timestamp AT TIME ZONE 'UTC' AS began,
            (v.day + 1)::timestamp AT TIME ZONE 'UTC' AS at
    ) AS e
    LEFT JOIN LATERAL (
        SELECT min(g.reason) AS reason FROM gaps AS g
        WHERE g.account = v.account AND NOT g.lost AND g.until > e.began
    ) AS open ON TRUE
    LEFT JOIN LATERAL (
        SELECT min(g.reason) AS reason FROM gaps AS g
        WHERE g.account = v.account AND g.lost AND g.until > e.began
    ) AS lost ON TRUE
    WHERE v.day < k.dawn
), read AS ( -- from the day of the first snapshot on
    SELECT
        a.account, days.day::date AS day, v.value, v.unpriced,
        CASE WHEN days.day::date = a.dawn THEN coalesce(f.flows, 0) ELSE 0 END
        + coalesce(w.flows, 0) AS flows,
        CASE
            WHEN v.state IN ('partial', 'carried') THEN v.state
            WHEN v.at < days.day AT TIME ZONE 'UTC' THEN 'carried'
            WHEN days.day::date = (now() AT TIME ZONE 'UTC')::date THEN 'provisional'
            ELSE v.state
        END AS state,
        CASE
            WHEN v.state = 'partial' THEN 'no price, or positions are not read'
            WHEN v.state = 'carried' OR v.at < days.day AT TIME ZONE 'UTC'
                THEN 'no snapshot since ' || to_char(v.at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI')
            WHEN days.day::date = (now() AT TIME ZONE 'UTC')::date THEN 'the day is not over'
            WHEN v.state = 'provisional' THEN 'prices and histories may still arrive'
            ELSE ''
        END AS reason
    FROM accounts AS a
    CROSS JOIN LATERAL generate_series(
        a.dawn::timestamp, a.last_day::timestamp, interval '1 day'
    ) AS days (day)
    CROSS JOIN LATERAL (
        SELECT p.at, p.value, p.unpriced, p.state FROM portfolio.value AS p
        WHERE p.account = a.account AND p.at < (days.day + interval '1 day') AT TIME ZONE 'UTC'
        ORDER BY p.at DESC LIMIT 1
    ) AS v
    LEFT JOIN valued AS f ON f.account = a.account AND f.day = days.day::date
    LEFT JOIN LATERAL (
        SELECT sum(r.transfers * portfolio.price_at(r.asset, r.closed_at)) AS flows
        FROM portfolio.reconciliation AS r
        WHERE
            r.account = a.account AND r.transfers <> 0
            AND r.closed_at >= days.day AT TIME ZONE 'UTC'
            AND r.closed_at < (days.day + interval '1 day') AT TIME ZONE 'UTC'
    ) AS w ON TRUE
), own_sides AS ( -- when each side of a transfer between own accounts was valued
    SELECT
        o.account, o.entry, o.asset, o.amount, s.arrival,
        CASE
            WHEN s.at <= a.first_at
                THEN ((s.at AT TIME ZONE 'UTC')::date + 1)::timestamp AT TIME ZONE 'UTC'
            ELSE w.closed_at
        END AS valued_at,
        (CASE WHEN s.at <= a.first_at THEN s.at ELSE w.closed_at END AT TIME ZONE 'UTC')::date
        AS day
    FROM portfolio.own_transfers AS o
    CROSS JOIN LATERAL (
        VALUES (TRUE, o.account, o.wallet, o.arrived_at),
        (FALSE, o.from_account, o.from_wallet, o.left_at)
    ) AS s (arrival, account, wallet, at)
    INNER JOIN accounts AS a ON a.account = s.account
    LEFT JOIN LATERAL (
        SELECT r.closed_at FROM portfolio.reconciliation AS r
        WHERE
            r.account = s.account AND r.wallet = s.wallet AND r.asset = o.asset
            AND r.opened_at < s.at AND r.closed_at >= s.at
        ORDER BY r.closed_at LIMIT 1
    ) AS w ON TRUE
    WHERE o.wallet <> '' AND o.from_wallet <> '' -- others are in no wallet's flows
), own AS ( -- what arrives is worth what it was worth when it left, so that the two add up to zero
    SELECT
        i.account, i.day,
        sum(i.amount * (
            portfolio.price_at(i.asset, o.valued_at) - portfolio.price_at(i.asset, i.valued_at)
        )) AS flows
    FROM own_sides AS i INNER JOIN own_sides AS o USING (account, entry, day)
    WHERE i.arrival AND NOT o.arrival
    GROUP BY i.account, i.day
), points AS (
    SELECT
        p.account, p.day, p.value, p.flows + coalesce(own.flows, 0) AS flows, p.unpriced, p.state,
        p.reason
    FROM (
        SELECT account, day, value, flows, unpriced, state, reason FROM rolled
        UNION ALL
        SELECT account, day, value, flows, unpriced, state, reason FROM read
    ) AS p
    LEFT JOIN own USING (account, day)
), ranked AS ( -- the state covers the profit, which needs the value of the day before as well
    SELECT
        p.*, a.first_day, coalesce(lag(p.value) OVER earlier, 0) AS opening,
        array_position(states.names, p.state) AS rank,
        coalesce(lag(array_position(states.names, p.state)) OVER earlier, 1) AS rank_before,
        lag(p.reason) OVER earlier AS reason_before
    FROM points AS p INNER JOIN accounts AS a USING (account) CROSS JOIN states
    WINDOW earlier AS (PARTITION BY p.account ORDER BY p.day)
), every AS (
    SELECT
        account, day, value, unpriced, greatest(rank, rank_before) AS rank,
        CASE WHEN rank >= rank_before THEN reason ELSE reason_before END AS reason,
        CASE WHEN day = first_day THEN 0 ELSE opening END AS opening,
        CASE WHEN day = first_day THEN opening ELSE 0 END AS added,
        flows + CASE WHEN day = first_day THEN opening ELSE 0 END AS flows
    FROM ranked WHERE day >= first_day
), each_and_all AS (
    SELECT account, day, value, opening, flows, added, unpriced, rank, reason FROM every
    UNION ALL
    SELECT
        '', e.day, sum(e.value), sum(e.opening), sum(e.flows), sum(e.added),
        coalesce((
            SELECT array_agg(DISTINCT u.asset ORDER BY u.asset)
            FROM every AS o CROSS JOIN unnest(o.unpriced) AS u (asset) WHERE o.day = e.day
        ), '{}'),
        max(e.rank),
        coalesce((array_agg(e.account || ': ' || e.reason ORDER BY e.rank DESC, e.account)
            FILTER (WHERE e.reason <> ''))[1], '')
    FROM every AS e GROUP BY e.day
)
SELECT
    account, day, trim_scale(value) AS value, trim_scale(flows) AS flows,
    trim_scale(added) AS added, trim_scale(value - opening - flows) AS profit,
    CASE
        WHEN opening + greatest(flows, 0) > 0
            THEN (value - least(flows, 0)) / (opening + greatest(flows, 0))
    END AS growth,
    unpriced, states.names[rank] AS state, reason
FROM each_and_all CROSS JOIN states;
