-- values --
-- The last value of each account in the period; the account '' is the total.
SELECT DISTINCT ON (account) account, at, value, confidence, uncertainty, carried, unexplained,
       disputed, unpriced, state
FROM portfolio.value
WHERE at < %(until)s::timestamptz AND %(account)s::text IN ('', account)
ORDER BY account, at DESC;

-- curve --
-- The value over the period in at most 400 points: the last of each stretch of time, with its
-- greatest uncertainty. Before all accounts have a snapshot, there is one point at each day's end.
WITH began AS (
    SELECT max(earliest.at) AS at
    FROM alphapulse.datasets AS d
    CROSS JOIN LATERAL (
        SELECT v.at FROM portfolio.value AS v WHERE v.account = d.account ORDER BY v.at LIMIT 1
    ) AS earliest
    WHERE d.dataset = 'balances' AND %(account)s::text IN ('', d.account)
), points AS (
    SELECT v.at, v.value, v.confidence, v.uncertainty, v.state
    FROM portfolio.value AS v CROSS JOIN began
    WHERE v.account = %(account)s::text AND v.at >= began.at
    UNION ALL
    SELECT ends.at, d.value, NULL, 0, d.state
    FROM portfolio.value_daily AS d CROSS JOIN began
    CROSS JOIN LATERAL (SELECT (d.day + 1)::timestamp AT TIME ZONE 'UTC' AS at) AS ends
    WHERE d.account = %(account)s::text AND ends.at < began.at
), shown AS (
    SELECT * FROM points WHERE at >= %(since)s::timestamptz AND at < %(until)s::timestamptz
), span AS (
    SELECT greatest((max(at) - min(at)) / 400, interval '1 second') AS step, min(at) AS first
    FROM shown
)
SELECT DISTINCT ON (date_bin(step, at, first)) at, value, confidence, state,
       max(uncertainty) OVER (PARTITION BY date_bin(step, at, first)) AS uncertainty
FROM shown, span ORDER BY date_bin(step, at, first), at DESC;

-- carried --
-- Accounts that have failed since their newest value, since when, and why.
SELECT d.account, min(failure.finished_at) AS since,
       (array_agg(failure.error ORDER BY failure.finished_at DESC))[1] AS error
FROM alphapulse.datasets AS d
CROSS JOIN LATERAL (
    SELECT at FROM portfolio.value AS v WHERE v.account = d.account ORDER BY at DESC LIMIT 1
) AS known
INNER JOIN alphapulse.sync_log AS failure
    ON failure.account = d.account AND failure.dataset = 'balances' AND failure.status = 'failed'
    AND failure.finished_at > known.at
WHERE d.dataset = 'balances' AND d.deployed AND %(account)s::text IN ('', d.account)
GROUP BY d.account ORDER BY d.account;

-- days --
-- The days of the period that are valued, oldest first.
SELECT day, value, flows, added, profit, growth, state, reason
FROM portfolio.value_daily
WHERE account = %(account)s::text
  AND day >= (%(since)s::timestamptz AT TIME ZONE 'UTC')::date
  AND day < (%(until)s::timestamptz AT TIME ZONE 'UTC')::date
ORDER BY day;

-- flows --
-- Deposits and withdrawals of the period, newest first. An entry that moves as much out of one
-- wallet as into the other is none.
SELECT account, asset, at, amount, amount * portfolio.price_at(asset, at) AS value, entry
FROM (
    SELECT account, dataset, entry, asset, min(happened_at) AS at, sum(amount) AS amount
    FROM portfolio.movements
    WHERE part = 'transfers' AND %(account)s::text IN ('', account)
      AND happened_at >= %(since)s::timestamptz AND happened_at < %(until)s::timestamptz
    GROUP BY account, dataset, entry, asset HAVING sum(amount) <> 0
) AS moved ORDER BY at DESC, account, asset, entry;

-- costs --
-- Fees, funding, and interest and the like by month, newest first, at the prices of the time.
SELECT to_char(start, 'YYYY-MM') AS month,
       sum(value) FILTER (WHERE part = 'fees') AS fees,
       sum(value) FILTER (WHERE part = 'funding') AS funding,
       sum(value) FILTER (WHERE part = 'other') AS other,
       count(*) FILTER (WHERE value IS NULL) AS unknown,
       portfolio.state_of(%(account)s, least(start + interval '1 month', %(until)s::timestamptz))
           AS state
FROM (
    SELECT date_trunc('month', happened_at) AS start, part,
           amount * portfolio.price_at(asset, happened_at) AS value
    FROM portfolio.movements
    WHERE part IN ('fees', 'funding', 'other') AND amount <> 0
      AND %(account)s::text IN ('', account)
      AND happened_at >= %(since)s::timestamptz AND happened_at < %(until)s::timestamptz
) AS costs GROUP BY start ORDER BY start DESC;

-- holdings --
-- What is held now, largest value first.
SELECT account, wallet, asset, kind, amount, price, value,
       value / nullif(greatest(sum(value) OVER (), 0), 0) AS share, captured_at, 'final' AS state,
       '' AS reason
FROM portfolio.holdings WHERE amount <> 0 AND %(account)s::text IN ('', account)
ORDER BY value IS NULL, value DESC, account, wallet, asset, kind;

-- holdings_then --
-- What was held at the end of the period, largest value first: see portfolio.balances_as_of for the
-- state. Before the first snapshot nothing is known of positions.
SELECT held.*, value / nullif(greatest(sum(value) OVER (), 0), 0) AS share FROM (
    SELECT b.account, wallet, asset, parts.kind, parts.amount, price, parts.amount * price AS value,
           captured_at, b.state, b.reason
    FROM portfolio.balances_as_of(%(until)s::timestamptz) AS b
    CROSS JOIN LATERAL (VALUES ('balance', total), ('debt', -debt)) AS parts (kind, amount)
    UNION ALL
    SELECT s.account, '', parts.asset, parts.kind, parts.amount, priced.price,
           parts.amount * priced.price, s.captured_at, 'final', ''
    FROM (
        SELECT account, max(captured_at) AS captured_at FROM alphapulse.snapshots
        WHERE dataset = 'positions' AND captured_at <= %(until)s::timestamptz GROUP BY account
    ) AS s
    CROSS JOIN LATERAL portfolio.position_parts(s.account, s.captured_at) AS parts
    CROSS JOIN LATERAL (
        SELECT portfolio.price_at(parts.asset, %(until)s::timestamptz) AS price
    ) AS priced
) AS held
WHERE amount <> 0 AND %(account)s::text IN ('', account)
ORDER BY value IS NULL, value DESC, account, wallet, asset, kind;

-- pnl_by_month --
-- Realized profit and loss by month, newest first; months without any in between included.
WITH months AS (
    SELECT date_trunc('month', realized_at) AS month, count(*) AS lines,
           sum(proceeds) AS proceeds, sum(cost) AS cost, sum(pnl) AS pnl,
           sum(pnl) FILTER (WHERE state = 'final') AS final,
           count(*) FILTER (WHERE pnl IS NULL) AS unknown
    FROM portfolio.realized_pnl
    WHERE %(account)s::text IN ('', account)
      AND realized_at >= %(since)s::timestamptz AND realized_at < %(until)s::timestamptz
    GROUP BY month
)
SELECT month, coalesce(lines, 0) AS lines, proceeds, cost, pnl, final,
       coalesce(unknown, 0) AS unknown,
       portfolio.state_of(%(account)s, least(month + interval '1 month', %(until)s::timestamptz))
           AS state
FROM (SELECT generate_series(min(month), max(month), interval '1 month') AS month FROM months) AS m
LEFT JOIN months USING (month) ORDER BY month DESC;

-- pnl_by_asset --
-- Realized profit and loss by asset, best first.
SELECT asset, count(*) AS lines, sum(proceeds) AS proceeds, sum(cost) AS cost, sum(pnl) AS pnl,
       sum(pnl) FILTER (WHERE state = 'final') AS final,
       count(*) FILTER (WHERE pnl IS NULL) AS unknown,
       CASE WHEN bool_or(state = 'provisional') THEN 'provisional'
            WHEN bool_or(state = 'partial') THEN 'partial' ELSE 'final' END AS state
FROM portfolio.realized_pnl
WHERE %(account)s::text IN ('', account)
  AND realized_at >= %(since)s::timestamptz AND realized_at < %(until)s::timestamptz
GROUP BY asset ORDER BY sum(pnl) DESC NULLS LAST, asset;

-- unrealized --
-- The unrealized profit and loss of what is held now, largest value first. Positions have none by
-- lot: theirs is what the exchange reports, in the currency that they settle in.
SELECT basis.account, basis.asset, basis.amount, basis.cost, latest.price,
       basis.amount * latest.price AS value, basis.amount * latest.price - basis.cost AS gain,
       lots.open, FALSE AS positions, basis.state
FROM portfolio.cost_basis AS basis
LEFT JOIN portfolio.prices_latest AS latest USING (asset)
LEFT JOIN LATERAL (
    SELECT count(*) AS open FROM portfolio.lots AS l
    WHERE l.account = basis.account AND l.asset = basis.asset AND l.remaining <> 0
) AS lots ON TRUE
WHERE basis.amount <> 0 AND NOT portfolio.is_position(basis.asset)
  AND %(account)s::text IN ('', basis.account)
UNION ALL
SELECT account, asset, amount, NULL, price, value, value AS gain, NULL, TRUE, ''
FROM portfolio.holdings
WHERE kind = 'unrealized' AND amount <> 0 AND %(account)s::text IN ('', account)
ORDER BY positions, value DESC NULLS LAST, account, asset;

-- lots --
-- The newest open lots.
SELECT l.account, l.asset, l.acquired_at, l.source, l.remaining, l.remaining_cost AS cost,
       l.remaining * latest.price AS value, l.remaining * latest.price - l.remaining_cost AS gain,
       l.state, count(*) OVER () AS open
FROM portfolio.lots AS l LEFT JOIN portfolio.prices_latest AS latest USING (asset)
WHERE l.remaining <> 0 AND NOT portfolio.is_position(l.asset)
  AND %(account)s::text IN ('', l.account)
ORDER BY l.acquired_at DESC, l.account, l.asset, l.lot_id LIMIT %(shown)s;

-- shared_lots --
-- Whether all accounts share their lots.
SELECT across_accounts FROM portfolio.lot_settings;

-- exposure --
-- Exposure by asset, largest first.
SELECT asset, net, gross, net_value, gross_value, share FROM portfolio.exposure
WHERE account = %(account)s::text AND asset <> '' ORDER BY gross_value DESC NULLS LAST, asset;

-- leverage --
-- Leverage and distance to liquidation by account; the account '' is all together.
SELECT account, net_value, gross_value, leverage, liquidation_distance FROM portfolio.exposure
WHERE asset = '' AND %(account)s::text IN ('', account) ORDER BY account;

-- reconciled --
-- How many balances are reconciled, over which time.
SELECT count(*) AS windows, min(opened_at) AS first, max(closed_at) AS last
FROM portfolio.reconciliation
WHERE %(account)s::text IN ('', account)
  AND closed_at >= %(since)s::timestamptz AND closed_at < %(until)s::timestamptz;

-- drift --
-- Residuals in the reporting currency, oldest first.
SELECT account, wallet, asset, closed_at AS at,
       residual * portfolio.price_at(asset, closed_at) AS value
FROM portfolio.reconciliation
WHERE state IN ('break', 'unverifiable') AND %(account)s::text IN ('', account)
  AND closed_at >= %(since)s::timestamptz AND closed_at < %(until)s::timestamptz
ORDER BY closed_at;

-- accounts --
-- Coverage and failures by account.
SELECT account, min(exchange) AS exchange, max(last_success) AS last_success,
       min(coverage) AS coverage, coalesce(sum(gaps), 0) AS gaps,
       coalesce(sum(unreachable), 0) AS unreachable,
       coalesce(array_agg(dataset || coalesce(': ' || error, '') ORDER BY dataset)
           FILTER (WHERE status = 'failed' OR circuit = 'open'), '{}') AS failed
FROM alphapulse.sync_status
WHERE status <> 'unsupported' AND %(account)s::text IN ('', account)
GROUP BY account ORDER BY account;

-- gaps --
-- The widest gaps in the period.
SELECT account, dataset, stream, lower(gap) AS "from", upper(gap) AS "to", reason
FROM alphapulse.coverage_gaps
WHERE %(account)s::text IN ('', account)
  AND gap && tstzrange(%(since)s::timestamptz, %(until)s::timestamptz)
ORDER BY upper(gap) - lower(gap) DESC, account, dataset LIMIT 20;

-- books --
-- What the exchanges say each part of an account is worth, beside what is read of it.
SELECT b.account, b.book, b.state, b.currency, b.exchange_total, b.read_total,
       coalesce(m.finding, '') AS finding, m.share
FROM alphapulse.books_latest AS b
LEFT JOIN alphapulse.books_missing AS m USING (account, book)
WHERE %(account)s IN ('', b.account)
  AND (b.state = 'unknown' OR b.exchange_total <> 0)
ORDER BY b.account, b.state = 'unread' DESC, abs(b.exchange_total) DESC NULLS LAST, b.book;
