-- unexplained --
-- The newest differences of an account that were not read again as far as they can be: those of
-- which no reading is due, and not the whole window was read.
SELECT * FROM (
    SELECT
        r.*, coalesce(known.step, 0) AS step,
        row_number() OVER (PARTITION BY r.account ORDER BY r.closed_at DESC) AS place
    FROM (
        SELECT
            'reconciliation' AS name, account, wallet, asset, '' AS market, opened_at, closed_at,
            residual, state, reason
        FROM portfolio.reconciliation WHERE state IN ('break', 'unverifiable')
        UNION ALL
        SELECT
            'position_reconciliation', account, '', '', market, opened_at, closed_at, residual,
            state, reason
        FROM portfolio.position_reconciliation WHERE state IN ('break', 'unverifiable')
    ) AS r
    LEFT JOIN LATERAL (
        SELECT max(k.step) AS step, bool_or(k.found IS NULL) AS due FROM alphapulse.rereads AS k
        WHERE k.account = r.account AND k.closed_at = r.closed_at AND k.wallet = r.wallet
          AND k.asset = r.asset AND k.market = r.market AND k.residual = r.residual
    ) AS known ON TRUE
    WHERE r.name = %(name)s AND (r.state = 'break' OR r.reason = %(no_ledger)s)
      AND NOT coalesce(known.due, FALSE) AND coalesce(known.step, 0) < 2
) AS newest
WHERE place <= %(most)s ORDER BY account, closed_at DESC;

-- suspected_by_ledger --
-- The instants of ledger entries whose fill is missing: those of the missing amount first.
SELECT
    'trades' AS dataset, '' AS listed_in,
    m.happened_at - portfolio.reach('trades') AS starts_at,
    m.happened_at + portfolio.reach('trades') AS ends_at,
    'the ledger has a fill that trades lack: ' || m.entry AS reason
FROM portfolio.movements_between(%(account)s, %(opened_at)s, %(closed_at)s) AS m
WHERE m.wallet = %(wallet)s AND m.asset = %(asset)s
  AND m.dataset = 'ledger' AND m.part IN ('fills', 'fees')
ORDER BY abs(m.amount - %(residual)s), m.happened_at LIMIT %(most)s;

-- suspected_by_orders --
-- From the creation to the last update of orders that say that more of them was filled than their
-- fills add up to: those of the missing amount first. Of a balance, the orders of its wallet in
-- markets of its asset; of a position, those of its market.
SELECT
    'trades' AS dataset, o.market AS listed_in,
    greatest(o.created_at, %(opened_at)s) - interval '1 second' AS starts_at,
    least(o.updated_at, %(closed_at)s) + interval '1 second' AS ends_at,
    'the order ' || o.order_id || ' was filled by ' || trim_scale(lacks.amount)
    || ' more than its fills' AS reason
FROM alphapulse.orders AS o
CROSS JOIN LATERAL alphapulse.market_of(o.account, o.market) AS m
CROSS JOIN LATERAL (
    SELECT o.filled - coalesce(sum(t.amount), 0) AS amount FROM alphapulse.trades AS t
    WHERE t.account = o.account AND t.market = o.market AND t.order_id = o.order_id
) AS lacks
WHERE o.account = %(account)s AND lacks.amount > 0
  AND o.created_at BETWEEN %(opened_at)s - interval '30 days' AND %(closed_at)s
  AND o.updated_at > %(opened_at)s - interval '1 second'
  AND CASE WHEN %(market)s::text = '' THEN
      o.wallet = %(wallet)s AND %(asset)s::text IN (m.base, m.quote, m.settle)
      ELSE o.market = %(market)s END
ORDER BY abs(lacks.amount - abs(%(residual)s::numeric)), o.created_at LIMIT %(most)s;

-- whole_window --
-- The whole window and the seconds in which its last snapshot was read, in every history that
-- changes what differs.
SELECT
    d.dataset, %(market)s::text AS listed_in, %(opened_at)s - interval '1 second' AS starts_at,
    coalesce((
        SELECT s.read_until FROM alphapulse.snapshots AS s
        WHERE s.account = d.account AND s.captured_at = %(closed_at)s
          AND s.dataset = CASE WHEN %(market)s::text = '' THEN 'balances' ELSE 'positions' END
    ), %(closed_at)s) + interval '1 second' AS ends_at,
    'it changed, and no entry of the histories says why' AS reason
FROM alphapulse.datasets AS d
WHERE d.account = %(account)s AND d.dataset = any(%(histories)s) AND d.deployed AND d.supported
ORDER BY d.dataset;

-- request --
-- Have the next run of a history read a time again.
INSERT INTO alphapulse.rereads (account, dataset, wallet, asset, market, closed_at, opened_at,
    residual, step, listed_in, starts_at, ends_at, reason, requested_at)
VALUES (%(account)s, %(dataset)s, %(wallet)s, %(asset)s, %(market)s, %(closed_at)s, %(opened_at)s,
    %(residual)s, %(step)s, %(listed_in)s, %(starts_at)s, %(ends_at)s, %(reason)s,
    clock_timestamp());

-- withdraw --
-- Ask no longer about differences that there are no more: a row arrived by itself.
DELETE FROM alphapulse.rereads AS k
WHERE asked_at IS NULL AND (market <> '') = (%(name)s = 'position_reconciliation')
  AND NOT portfolio.is_unexplained(k);

-- asked --
-- The times that were read again and are not examined yet.
SELECT id, account, dataset, starts_at, ends_at, requested_at FROM alphapulse.rereads
WHERE asked_at IS NOT NULL AND found IS NULL
  AND (market <> '') = (%(name)s = 'position_reconciliation');

-- found --
-- The entries of a time that were stored since it was to be read again.
SELECT entry FROM portfolio.history_movements
WHERE account = %(account)s AND dataset = %(dataset)s AND recorded_at >= %(requested_at)s
  AND happened_at BETWEEN %(starts_at)s AND %(ends_at)s
UNION
SELECT kind || ' ' || entry_id FROM alphapulse.ledger
WHERE account = %(account)s AND %(dataset)s::text = 'ledger' AND recorded_at >= %(requested_at)s
  AND happened_at BETWEEN %(starts_at)s AND %(ends_at)s
ORDER BY entry LIMIT %(most)s;

-- conclude --
-- Record what was found, and whether the difference is gone.
UPDATE alphapulse.rereads AS k SET found = %(found)s, healed = NOT portfolio.is_unexplained(k)
WHERE id = %(id)s;

-- of_window --
-- What became of the times that are read again because of a difference.
SELECT dataset, listed_in, starts_at, ends_at, failures, asked_at, coalesce(outcome, '') AS outcome,
       found
FROM alphapulse.rereads
WHERE account = %(account)s AND closed_at = %(closed_at)s AND wallet = %(wallet)s
  AND asset = %(asset)s AND market = %(market)s AND residual = %(residual)s
ORDER BY step, id;

-- healed --
-- The differences that are gone since a row was found, newest first.
SELECT account, wallet, asset, market, opened_at, closed_at, residual, dataset, starts_at, ends_at,
       asked_at, found
FROM alphapulse.rereads
WHERE healed AND found <> '' AND asked_at > now() - %(since)s::interval
  AND %(name)s::text IN ('', CASE market WHEN '' THEN 'reconciliation'
                             ELSE 'position_reconciliation' END)
ORDER BY asked_at DESC, id LIMIT %(most)s;
