-- book --
-- What is held of an asset and what it cost, and the last numbers of its lots and lines.
SELECT portfolio.is_position(%(asset)s),
       (SELECT amount FROM portfolio.matched_sums
        WHERE account = %(account)s AND asset = %(asset)s),
       (SELECT cost FROM portfolio.matched_sums WHERE account = %(account)s AND asset = %(asset)s),
       coalesce((SELECT lot_id FROM portfolio.matched_lots WHERE account = %(account)s
                 AND asset = %(asset)s ORDER BY lot_id DESC LIMIT 1), 0),
       coalesce((SELECT line_id FROM portfolio.matched_lines WHERE account = %(account)s
                 AND asset = %(asset)s ORDER BY line_id DESC LIMIT 1), 0);

-- open_lots --
-- The next open lots of an asset, in the order in which they are sold.
SELECT lot_id, acquired_at, entered_at, amount, remaining, cost, remaining_cost, source, opened_by,
       place, TRUE
FROM portfolio.matched_lots
WHERE account = %(account)s AND asset = %(asset)s AND remaining <> 0
  AND (place, lot_id) > (%(place)s, %(lot_id)s)
ORDER BY place, lot_id LIMIT %(count)s;

-- withdrawn --
-- The parts of lots that left for a different account. Ids are an account's own: of two entries
-- with the same id the time identifies the right one.
SELECT acquired_at, opened_by, amount, basis FROM portfolio.matched_lines
WHERE account = %(book)s AND asset = %(asset)s AND closed_by = %(entry)s
  AND kind = 'transfer' AND amount > 0 AND realized_at = %(left_at)s
ORDER BY line_id;

-- copy_lots --
-- New lots.
COPY portfolio.matched_lots (account, asset, lot_id, acquired_at, entered_at, amount, remaining,
    cost, remaining_cost, source, opened_by, place) FROM STDIN;

-- copy_lines --
-- New lines of realized profit and loss.
COPY portfolio.matched_lines (account, asset, line_id, kind, realized_at, amount, proceeds, cost,
    acquired_at, opened_by, closed_by, lot_id, basis) FROM STDIN;

-- changed_lots --
-- Stored lots of which something was sold in this refresh.
CREATE TEMP TABLE changed_lots (account text, asset text, lot_id bigint, remaining numeric,
    remaining_cost numeric) ON COMMIT DROP;

-- update_lots --
-- What remains of them.
UPDATE portfolio.matched_lots AS l SET remaining = c.remaining, remaining_cost = c.remaining_cost
FROM changed_lots AS c
WHERE l.account = c.account AND l.asset = c.asset AND l.lot_id = c.lot_id;

-- set_cost_basis --
-- What is held of an asset and what it cost.
INSERT INTO portfolio.matched_sums (account, asset, amount, cost)
VALUES (%(account)s, %(asset)s, %(amount)s, %(cost)s)
ON CONFLICT (account, asset) DO UPDATE SET amount = excluded.amount, cost = excluded.cost;

-- restart_unpriced --
-- If what is rolled back includes a part without a price, the sums do not give what was before it:
-- the asset is recalculated from its beginning.
UPDATE stale AS s SET since = '0001-01-01 UTC'
WHERE EXISTS (SELECT FROM portfolio.matched_lines AS r
              WHERE r.account = s.book AND r.asset = s.asset AND r.realized_at >= s.since
                AND r.lot_id IS NOT NULL AND r.basis IS NULL)
   OR EXISTS (SELECT FROM portfolio.matched_lots AS l
              WHERE l.account = s.book AND l.asset = s.asset AND l.entered_at >= s.since
                AND l.cost IS NULL)
   OR EXISTS (SELECT FROM portfolio.matched_sums AS c
              WHERE c.account = s.book AND c.asset = s.asset AND c.cost IS NULL)
      AND (EXISTS (SELECT FROM portfolio.matched_lines AS r WHERE r.account = s.book
                   AND r.asset = s.asset AND r.realized_at >= s.since)
           OR EXISTS (SELECT FROM portfolio.matched_lots AS l WHERE l.account = s.book
                      AND l.asset = s.asset AND l.entered_at >= s.since));

-- roll_back --
-- Undo all matches since the first change of each stale asset: delete its lines and lots, and give
-- older lots back what was sold of them.
WITH lines AS (
    DELETE FROM portfolio.matched_lines AS r USING stale AS s
    WHERE r.account = s.book AND r.asset = s.asset AND r.realized_at >= s.since
    RETURNING r.account, r.asset, r.lot_id, r.amount, r.basis
), lots AS (
    DELETE FROM portfolio.matched_lots AS l USING stale AS s
    WHERE l.account = s.book AND l.asset = s.asset AND l.entered_at >= s.since
    RETURNING l.account, l.asset, l.amount, l.cost
), of_lots AS (
    SELECT account, asset, lot_id, sum(amount) AS amount, sum(basis) AS basis
    FROM lines WHERE lot_id IS NOT NULL GROUP BY account, asset, lot_id
), restored AS (
    UPDATE portfolio.matched_lots AS l
    SET remaining = l.remaining + o.amount, remaining_cost = l.remaining_cost + o.basis
    FROM of_lots AS o INNER JOIN stale AS s ON s.book = o.account AND s.asset = o.asset
    WHERE l.account = o.account AND l.asset = o.asset AND l.lot_id = o.lot_id
      AND l.entered_at < s.since
), changes AS (
    SELECT account, asset, sum(amount) AS amount, sum(cost) AS cost FROM (
        SELECT account, asset, amount, basis AS cost FROM of_lots
        UNION ALL SELECT account, asset, -amount, -cost FROM lots
    ) AS all_changes GROUP BY account, asset
)
UPDATE portfolio.matched_sums AS c SET amount = c.amount + d.amount, cost = c.cost + d.cost
FROM changes AS d WHERE c.account = d.account AND c.asset = d.asset;

-- restart --
-- Assets that are recalculated from their beginning.
DELETE FROM portfolio.matched_sums AS c USING stale AS s
WHERE c.account = s.book AND c.asset = s.asset AND s.since = '0001-01-01 UTC';

-- legs --
-- The legs to match, in order. The reporting currency has no lots; income and fees in it are lines.
SELECT s.book, l.asset, l.happened_at,
       CASE WHEN l.asset = %(currency)s THEN 'line' ELSE l.treatment END, l.kind, l.amount, l.value,
       l.reported_pnl, l.price, l.entry, l.account, l.from_account, l.carries, l.left_at
FROM (SELECT m.account, m.book, min(stale.since) AS since
      FROM stale INNER JOIN members AS m USING (book) GROUP BY m.account, m.book) AS a
INNER JOIN portfolio.lot_accounts AS k USING (account)
CROSS JOIN LATERAL portfolio.legs_between(a.account, a.since, 'infinity') AS l
INNER JOIN stale AS s ON s.book = a.book AND s.asset = l.asset AND l.happened_at >= s.since
WHERE (l.asset <> %(currency)s OR l.treatment = 'earned')
  AND (k.wallets IS NULL OR l.wallet IS NULL OR l.wallet = any(k.wallets)
       OR l.treatment IN ('position', 'line'))
ORDER BY l.happened_at, l.stage, length(l.entry), l.entry COLLATE "C", l.account, l.step, l.amount;

-- unpriced --
-- How many lines and assets have no known cost or price.
SELECT (SELECT count(*) FROM portfolio.matched_lines WHERE pnl IS NULL),
       (SELECT count(*) FROM portfolio.matched_sums WHERE cost IS NULL);
