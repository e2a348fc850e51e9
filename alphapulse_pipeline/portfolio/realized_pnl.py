"""What everything cost, and what was realised by each fill: lots, and their matches.

What an entry changes is told by the view `portfolio.legs`; `matching` and `lots` do the rest. Lots
of an asset go on from what is stored, unless an entry, a price or a transfer has become known of
an earlier time: then all since that time is taken back, and made anew.
"""

from decimal import Context, localcontext

from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.portfolio.derived import Figures
from alphapulse_pipeline.portfolio.lot_store import Store
from alphapulse_pipeline.portfolio.lots import DIGITS, METHODS
from alphapulse_pipeline.portfolio.matching import Leg, Matching
from alphapulse_pipeline.portfolio.refresh import refreshing
from alphapulse_pipeline.portfolio.staleness import find_stale
from alphapulse_pipeline.settings.portfolio import PortfolioSettings

NAME = "realized_pnl"
_AT_ONCE = 20_000

# What is taken back are few lines of all that a hash would be made of.
_BY_INDEX = "SET LOCAL enable_hashjoin = off"
_AS_PLANNED = "SET LOCAL enable_hashjoin = on"

# Where the sums that are taken back have a part without a price, they say nothing of what was
# before it: the asset is made anew from its beginning.
_UNKNOWN = """
UPDATE stale AS s SET since = '0001-01-01 UTC'
WHERE EXISTS (SELECT FROM portfolio.realized_pnl AS r
              WHERE r.account = s.book AND r.asset = s.asset AND r.realized_at >= s.since
                AND r.lot_id IS NOT NULL AND r.basis IS NULL)
   OR EXISTS (SELECT FROM portfolio.lots AS l
              WHERE l.account = s.book AND l.asset = s.asset AND l.entered_at >= s.since
                AND l.cost IS NULL)
   OR EXISTS (SELECT FROM portfolio.cost_basis AS c
              WHERE c.account = s.book AND c.asset = s.asset AND c.cost IS NULL)
      AND (EXISTS (SELECT FROM portfolio.realized_pnl AS r WHERE r.account = s.book
                   AND r.asset = s.asset AND r.realized_at >= s.since)
           OR EXISTS (SELECT FROM portfolio.lots AS l WHERE l.account = s.book
                      AND l.asset = s.asset AND l.entered_at >= s.since))
"""

_TAKEN_BACK = """
WITH lines AS (
    DELETE FROM portfolio.realized_pnl AS r USING stale AS s
    WHERE r.account = s.book AND r.asset = s.asset AND r.realized_at >= s.since
    RETURNING r.account, r.asset, r.lot_id, r.amount, r.basis
), lots AS (
    DELETE FROM portfolio.lots AS l USING stale AS s
    WHERE l.account = s.book AND l.asset = s.asset AND l.entered_at >= s.since
    RETURNING l.account, l.asset, l.amount, l.cost
), of_lots AS (
    SELECT account, asset, lot_id, sum(amount) AS amount, sum(basis) AS basis
    FROM lines WHERE lot_id IS NOT NULL GROUP BY account, asset, lot_id
), restored AS (
    UPDATE portfolio.lots AS l
    SET remaining = l.remaining + o.amount, remaining_cost = l.remaining_cost + o.basis
    FROM of_lots AS o JOIN stale AS s ON s.book = o.account AND s.asset = o.asset
    WHERE l.account = o.account AND l.asset = o.asset AND l.lot_id = o.lot_id
      AND l.entered_at < s.since
), changes AS (
    SELECT account, asset, sum(amount) AS amount, sum(cost) AS cost FROM (
        SELECT account, asset, amount, basis AS cost FROM of_lots
        UNION ALL SELECT account, asset, -amount, -cost FROM lots
    ) AS all_changes GROUP BY account, asset
)
UPDATE portfolio.cost_basis AS c SET amount = c.amount + d.amount, cost = c.cost + d.cost
FROM changes AS d WHERE c.account = d.account AND c.asset = d.asset
"""

_BEGUN_ANEW = """
DELETE FROM portfolio.cost_basis AS c USING stale AS s
WHERE c.account = s.book AND c.asset = s.asset AND s.since = '0001-01-01 UTC'
"""

# Of the reporting currency there are no lots; what is earned in it is told all the same.
_LEGS = """
SELECT s.book, l.asset, l.happened_at,
       CASE WHEN l.asset = %(currency)s THEN 'line' ELSE l.way END, l.kind, l.amount, l.value,
       l.told, l.price, l.entry, l.account, l.from_account, l.carries
FROM (SELECT m.account, m.book, min(stale.since) AS since
      FROM stale JOIN members AS m USING (book) GROUP BY m.account, m.book) AS a
JOIN portfolio.lot_accounts AS k USING (account)
CROSS JOIN LATERAL (
    SELECT * FROM portfolio.legs AS l WHERE l.account = a.account AND l.happened_at >= a.since
    OFFSET 0 -- each account is read by its index, from its time on
) AS l
JOIN stale AS s ON s.book = a.book AND s.asset = l.asset AND l.happened_at >= s.since
WHERE (l.asset <> %(currency)s OR l.way = 'earned') AND (k.wallets IS NULL OR l.wallet IS NULL
      OR l.wallet = ANY (k.wallets) OR l.way IN ('position', 'line'))
ORDER BY l.happened_at, l.stage, length(l.entry), l.entry COLLATE "C", l.account, l.step, l.amount
"""

_UNPRICED = """
SELECT (SELECT count(*) FROM portfolio.realized_pnl WHERE pnl IS NULL),
       (SELECT count(*) FROM portfolio.cost_basis WHERE cost IS NULL)
"""


def refresh(connection: Connection[TupleRow], settings: PortfolioSettings) -> Figures:
    """How many legs were matched, how many lines that gave, how many lines have no price."""
    with refreshing(connection, NAME) as since, localcontext(Context(prec=DIGITS)):
        assets = find_stale(connection, settings, since)
        for statement in (_BY_INDEX, _UNKNOWN, _TAKEN_BACK, _BEGUN_ANEW, _AS_PLANNED):
            connection.execute(statement)
        legs, lines = _match(connection, settings)
        row = connection.execute(_UNPRICED).fetchone()
    unpriced, without_cost = row or (0, 0)
    return {
        "assets": assets,
        "legs": legs,
        "lines": lines,
        "unpriced lines": unpriced,
        "assets without a cost": without_cost,
    }


def _match(connection: Connection[TupleRow], settings: PortfolioSettings) -> tuple[int, int]:
    store = Store(connection, METHODS[settings.cost_basis])
    matching = Matching(store.book, store.left)
    legs = lines = 0
    with connection.cursor("legs") as cursor:
        cursor.itersize = _AT_ONCE
        cursor.execute(_LEGS, {"currency": settings.currency})
        while rows := cursor.fetchmany(_AT_ONCE):
            for row in rows:
                matching.take(Leg._make(row))
            legs += len(rows)
            lines += len(matching.lines)
            store.write(matching.books, matching.lines)
            matching.lines.clear()
    store.finish(matching.books)
    return legs, lines
