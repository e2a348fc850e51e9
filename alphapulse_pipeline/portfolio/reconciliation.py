"""Whether the histories explain each balance, from snapshot to snapshot.

Opening balance + fills + fees + transfers + funding + what only the ledger tells = closing balance,
for each account, wallet and asset. Sums are made where the rows are; which differences are none is
decided by `settlement`. What is made anew are the windows between two snapshots in which a row of
a history is new, changed or gone, and those that are new themselves.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from operator import itemgetter
from typing import Any

from psycopg import Connection
from psycopg.rows import TupleRow, dict_row

from alphapulse_pipeline.portfolio.derived import Figures
from alphapulse_pipeline.portfolio.refresh import refreshing
from alphapulse_pipeline.portfolio.settlement import Reading, Verdict, Window, settle
from alphapulse_pipeline.settings.portfolio import PortfolioSettings

NAME = "reconciliation"

_Row = Mapping[str, Any]
_SECONDS = timedelta(seconds=1)
"""An exchange's clock and ours agree to a second, and some tell times in whole seconds."""

_WINDOWS = """
CREATE TEMP TABLE windows ON COMMIT DROP AS
WITH pairs AS (
    SELECT account, captured_at AS closed_at,
           lag(captured_at) OVER (PARTITION BY account ORDER BY captured_at) AS opened_at
    FROM alphapulse.snapshots WHERE dataset = 'balances'
), known AS (
    SELECT account, closed_at FROM portfolio.reconciled
), changed AS (
    SELECT account, executed_at AS happened_at FROM alphapulse.trades
    WHERE account IN (SELECT account FROM known) AND recorded_at >= %(since)s
    UNION SELECT account, unnest(ARRAY[happened_at, coalesce(updated_at, happened_at)])
    FROM alphapulse.transfers
    WHERE account IN (SELECT account FROM known) AND recorded_at >= %(since)s
    UNION SELECT account, happened_at FROM alphapulse.funding
    WHERE account IN (SELECT account FROM known) AND recorded_at >= %(since)s
    UNION SELECT account, happened_at FROM alphapulse.ledger
    WHERE account IN (SELECT account FROM known) AND recorded_at >= %(since)s
    UNION SELECT account, happened_at FROM portfolio.rewritten WHERE recorded_at >= %(since)s
)
SELECT pairs.account, pairs.opened_at, pairs.closed_at
FROM pairs LEFT JOIN known USING (account)
WHERE opened_at IS NOT NULL AND (known.closed_at IS NULL OR pairs.closed_at > known.closed_at)
UNION
SELECT changed.account, around.*
FROM changed CROSS JOIN LATERAL (
    SELECT
        (SELECT captured_at FROM alphapulse.snapshots AS s WHERE s.account = changed.account
         AND s.dataset = 'balances' AND s.captured_at < changed.happened_at
         ORDER BY captured_at DESC LIMIT 1) AS opened_at,
        (SELECT captured_at FROM alphapulse.snapshots AS s WHERE s.account = changed.account
         AND s.dataset = 'balances' AND s.captured_at >= changed.happened_at
         ORDER BY captured_at LIMIT 1) AS closed_at
) AS around
WHERE around.opened_at IS NOT NULL AND around.closed_at IS NOT NULL
"""

_DELETE = """
DELETE FROM portfolio.reconciliation AS r USING windows AS w
WHERE r.account = w.account AND r.closed_at = w.closed_at
"""

# A wallet that no snapshot shows has no balance that could be explained.
_RECONCILED = """
INSERT INTO portfolio.reconciled AS r (account, closed_at, wallets)
SELECT w.account, max(w.closed_at), coalesce(array_agg(DISTINCT b.wallet)
       FILTER (WHERE b.wallet IS NOT NULL), '{}')
FROM windows AS w
LEFT JOIN alphapulse.balances AS b
    ON b.account = w.account AND b.captured_at IN (w.opened_at, w.closed_at)
GROUP BY w.account
ON CONFLICT (account) DO UPDATE SET
    closed_at = greatest(r.closed_at, excluded.closed_at),
    wallets = ARRAY(SELECT DISTINCT unnest(r.wallets || excluded.wallets) ORDER BY 1)
"""

_SUMS = """
WITH spans AS (
    SELECT account, unnest(range_agg(tstzrange(opened_at, closed_at, '(]'))) AS span
    FROM windows GROUP BY account
), moves AS (
    SELECT m.* FROM spans
    CROSS JOIN LATERAL portfolio.movements_between(account, lower(span), upper(span)) AS m
)
INSERT INTO portfolio.reconciliation (account, wallet, asset, opened_at, closed_at, opening, fills,
    fees, transfers, funding, other, closing, told, residual, state, reason)
SELECT account, wallet, asset, opened_at, closed_at, sum(opening), sum(fills), sum(fees),
       sum(transfers), sum(funding), sum(other), sum(closing), bool_and(told), 0, 'zero', ''
FROM (
    SELECT w.*, b.wallet, b.asset, b.total AS opening, 0 AS fills, 0 AS fees, 0 AS transfers,
           0 AS funding, 0 AS other, 0 AS closing, true AS told
    FROM windows AS w
    JOIN alphapulse.balances AS b ON b.account = w.account AND b.captured_at = w.opened_at
    UNION ALL
    SELECT w.*, b.wallet, b.asset, 0, 0, 0, 0, 0, 0, b.total, true
    FROM windows AS w
    JOIN alphapulse.balances AS b ON b.account = w.account AND b.captured_at = w.closed_at
    UNION ALL
    SELECT w.*, m.wallet, m.asset, 0,
           CASE m.part WHEN 'fills' THEN m.amount ELSE 0 END,
           CASE m.part WHEN 'fees' THEN m.amount ELSE 0 END,
           CASE m.part WHEN 'transfers' THEN m.amount ELSE 0 END,
           CASE m.part WHEN 'funding' THEN m.amount ELSE 0 END,
           CASE m.part WHEN 'other' THEN m.amount ELSE 0 END, 0, m.told
    FROM moves AS m
    JOIN portfolio.reconciled AS r ON r.account = m.account AND m.wallet = ANY (r.wallets)
    CROSS JOIN LATERAL (
        SELECT * FROM windows WHERE windows.account = m.account
        AND windows.closed_at >= m.happened_at ORDER BY windows.closed_at LIMIT 1
    ) AS w
) AS entries
GROUP BY account, wallet, asset, opened_at, closed_at
"""

# A window's verdict depends on the one after it, so that the one before is judged again as well.
_CHAINS = """
WITH touched AS (
    SELECT account, min(opened_at) AS opened_at FROM windows GROUP BY account
), open AS (
    SELECT account, min(opened_at) AS opened_at FROM portfolio.reconciliation
    WHERE state = 'pending' GROUP BY account
), since AS (
    SELECT account, least(touched.opened_at, open.opened_at) AS opened_at
    FROM touched FULL JOIN open USING (account)
), chains AS (
    SELECT DISTINCT r.account, r.wallet, r.asset, since.opened_at
    FROM since JOIN portfolio.reconciliation AS r
        ON r.account = since.account AND r.closed_at >= since.opened_at AND r.difference <> 0
), begun AS (
    SELECT chains.*, known.closed_at, known.carried
    FROM chains LEFT JOIN LATERAL (
        SELECT closed_at, carried FROM portfolio.reconciliation AS r
        WHERE r.account = chains.account AND r.wallet = chains.wallet AND r.asset = chains.asset
          AND r.difference <> 0 AND r.closed_at < chains.opened_at AND r.carried IS NOT NULL
        ORDER BY r.closed_at DESC LIMIT 1
    ) AS known ON true
)
SELECT r.account, r.wallet, r.asset, r.opened_at, r.closed_at, r.difference, r.told,
       begun.carried, opened.before AS opened_before, opened.after AS opened_after,
       opened.away AS opened_away, closed.before AS closed_before, closed.after AS closed_after,
       closed.away AS closed_away, next.closed_at AS next_at,
       coalesce((SELECT difference FROM portfolio.reconciliation AS n
                 WHERE n.account = r.account AND n.wallet = r.wallet AND n.asset = r.asset
                   AND n.closed_at = next.closed_at), 0) AS next_difference,
       later.before AS later_before, later.after AS later_after, later.away AS later_away,
       EXISTS (SELECT FROM alphapulse.ledger AS l
               WHERE l.account = r.account AND l.wallet = r.wallet) AS ledger
FROM begun
JOIN portfolio.reconciliation AS r
    ON r.account = begun.account AND r.wallet = begun.wallet AND r.asset = begun.asset
    AND r.difference <> 0 AND r.closed_at > coalesce(begun.closed_at, '-infinity')
CROSS JOIN LATERAL portfolio.reading(r.account, r.wallet, r.asset, r.opened_at) AS opened
CROSS JOIN LATERAL portfolio.reading(r.account, r.wallet, r.asset, r.closed_at) AS closed
LEFT JOIN LATERAL (
    SELECT captured_at AS closed_at FROM alphapulse.snapshots AS s
    WHERE s.account = r.account AND s.dataset = 'balances' AND s.captured_at > r.closed_at
    ORDER BY captured_at LIMIT 1
) AS next ON true
LEFT JOIN LATERAL portfolio.reading(r.account, r.wallet, r.asset, next.closed_at) AS later ON true
ORDER BY r.account, r.wallet, r.asset, r.closed_at
"""

_KNOWN = """
SELECT d.account, d.dataset, max(upper(s.wanted)) AS up_to
FROM alphapulse.datasets AS d LEFT JOIN alphapulse.streams AS s USING (account, dataset)
WHERE d.supported AND d.deployed AND d.dataset IN ('trades', 'transfers', 'funding', 'ledger')
GROUP BY d.account, d.dataset
"""

_LEFT_OUT = """
SELECT a.account, array_agg(h.dataset ORDER BY h.dataset)
FROM (SELECT DISTINCT account FROM alphapulse.datasets WHERE exchange <> '') AS a
CROSS JOIN unnest(ARRAY['trades', 'transfers', 'funding', 'ledger']) AS h (dataset)
WHERE NOT EXISTS (SELECT FROM alphapulse.datasets AS d
                  WHERE d.account = a.account AND d.dataset = h.dataset AND d.deployed)
GROUP BY a.account
"""

_GAPS = """
SELECT account, dataset, lower(gap) AS start, upper(gap) AS end, reason
FROM alphapulse.{view} WHERE dataset IN ('trades', 'transfers', 'funding', 'ledger')
AND upper(gap) > %(since)s
"""

# Where there is no ledger, an order that was filled more than its fills tell says that one is lost.
_LACKS_A_FILL = """
SELECT o.market || ' ' || o.order_id FROM alphapulse.orders AS o
WHERE o.account = %(account)s AND o.wallet = %(wallet)s
  AND o.created_at BETWEEN %(opened_at)s - interval '30 days' AND %(closed_at)s
  AND o.updated_at > %(opened_at)s - interval '1 second' AND o.filled > coalesce((
      SELECT sum(t.amount) FROM alphapulse.trades AS t
      WHERE t.account = o.account AND t.market = o.market AND t.order_id = o.order_id
        AND t.executed_at >= o.created_at - interval '1 second'), 0)
ORDER BY o.created_at LIMIT 1
"""

_LEFT = "SELECT state, count(*) FROM portfolio.reconciliation WHERE state <> 'zero' GROUP BY state"

_JUDGED = """
UPDATE portfolio.reconciliation SET residual = %s, state = %s, reason = %s, carried = %s
WHERE account = %s AND wallet = %s AND asset = %s AND closed_at = %s
"""


@dataclass(frozen=True, slots=True)
class _Range:
    dataset: str
    start: datetime
    end: datetime
    reason: str


def refresh(connection: Connection[TupleRow], settings: PortfolioSettings) -> Figures:
    """How many balances were summed up anew, how many differences were looked at, how many stay."""
    with refreshing(connection, NAME) as since:
        connection.execute(_WINDOWS, {"since": since})
        connection.execute("CREATE INDEX ON windows (account, closed_at)")
        connection.execute("ANALYZE windows")
        connection.execute(_DELETE)
        connection.execute(_RECONCILED)
        summed = connection.execute(_SUMS).rowcount
        judged = _judge(connection)
    left: dict[str, int] = dict(connection.execute(_LEFT).fetchall())
    return {
        "summed up": summed,
        "judged": judged,
        **{state: left.get(state, 0) for state in ("off", "unwitnessed", "pending")},
    }


def _judge(connection: Connection[TupleRow]) -> int:
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(_CHAINS).fetchall()
    if not rows:
        return 0
    histories = _Histories(connection, min(row["opened_at"] for row in rows))
    changes: list[tuple[object, ...]] = []
    for place, group in groupby(rows, key=itemgetter("account", "wallet", "asset")):
        chain = list(group)
        windows = [_window(row, histories) for row in chain]
        verdicts = settle(windows, chain[0]["carried"])
        for row, verdict in zip(chain, verdicts, strict=True):
            changes.append((*_columns(verdict), *place, row["closed_at"]))
    with connection.cursor() as cursor:
        cursor.executemany(_JUDGED, changes)
    return len(changes)


def _columns(verdict: Verdict) -> tuple[object, ...]:
    return verdict.residual, verdict.state, verdict.reason, verdict.carried


def _window(row: _Row, histories: "_Histories") -> Window:
    following = None
    if row["next_at"] is not None:
        following = row["next_difference"], _reading(row, "later")
    return Window(
        row["difference"],
        _reading(row, "opened"),
        _reading(row, "closed"),
        following,
        histories.missing(row),
        histories.lost(row),
    )


def _reading(row: _Row, which: str) -> Reading:
    return Reading(*(row[f"{which}_{part}"] for part in ("before", "after", "away")))


class _Histories:
    """How far the histories are known, and where they have holes."""

    def __init__(self, connection: Connection[TupleRow], since: datetime) -> None:
        self._connection = connection
        self._known: dict[str, dict[str, datetime | None]] = {}
        for account, dataset, up_to in connection.execute(_KNOWN):
            self._known.setdefault(account, {})[dataset] = up_to
        self._left_out: dict[str, list[str]] = dict(connection.execute(_LEFT_OUT).fetchall())
        self._gaps = self._ranges("coverage_gaps", since)
        self._unreachable = self._ranges("coverage_unreachable", since)

    def missing(self, row: _Row) -> str:
        """What of a window's history may still come."""
        until = row["closed_at"] + _SECONDS
        for dataset, up_to in self._known.get(row["account"], {}).items():
            if up_to is None or up_to < until:
                told = f"{up_to:%Y-%m-%d %H:%M:%S}" if up_to else "no time at all"
                return f"{dataset} are known up to {told}"
        if gap := _first(self._gaps, row):
            return f"a gap in {gap.dataset}: {gap.reason}"
        return ""

    def lost(self, row: _Row) -> str:
        """Why a window's history cannot explain it for ever."""
        if hole := _first(self._unreachable, row):
            return f"{hole.dataset} of this time are out of reach: {hole.reason}"
        if left_out := self._left_out.get(row["account"]):
            return f"{', '.join(left_out)} of the account are not synced"
        if not row["told"]:
            return "the exchange does not tell what a fill realised"
        if row["ledger"] or self._connection.execute(_LACKS_A_FILL, row).fetchone():
            return ""
        return "the exchange has no ledger of this wallet, and its histories do not explain it"

    def _ranges(self, view: str, since: datetime) -> dict[str, list[_Range]]:
        found: dict[str, list[_Range]] = {}
        rows = self._connection.execute(_GAPS.format(view=view).encode(), {"since": since})
        for account, *values in rows:
            found.setdefault(account, []).append(_Range(*values))
        return found


def _first(ranges: dict[str, list[_Range]], row: _Row) -> _Range | None:
    """The first range that overlaps a window."""
    start, end = row["opened_at"] - _SECONDS, row["closed_at"] + _SECONDS
    return next(
        (r for r in ranges.get(row["account"], ()) if r.start < end and r.end > start), None
    )
