"""Since when the lots of which asset are to be made: what is new, and what that changes.

The table `stale` tells it for one refresh: (book, asset, since). A book is the account whose lots
are matched by themselves, blank where those of all accounts are one.
"""

from datetime import UTC, datetime

from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.portfolio.refresh import NEVER
from alphapulse_pipeline.settings.portfolio import PortfolioSettings

_SAME_SETTINGS = """
SELECT FROM portfolio.lot_settings
WHERE currency = %(currency)s AND cost_basis = %(cost_basis)s
  AND across_accounts = %(across_accounts)s
"""

_FORGET = (
    "DELETE FROM portfolio.realized_pnl",
    "DELETE FROM portfolio.lots",
    "DELETE FROM portfolio.cost_basis",
    "DELETE FROM portfolio.openings",
    "DELETE FROM portfolio.lot_accounts",
    "DELETE FROM portfolio.own_transfers",
)

_SETTINGS = """
INSERT INTO portfolio.lot_settings (currency, cost_basis, across_accounts)
VALUES (%(currency)s, %(cost_basis)s, %(across_accounts)s)
ON CONFLICT (one) DO UPDATE SET currency = excluded.currency, cost_basis = excluded.cost_basis,
    across_accounts = excluded.across_accounts
"""

# Those of which every row is gone as well: what was made of them goes, too.
_MEMBERS = """
CREATE TEMP TABLE members ON COMMIT DROP AS
SELECT account, CASE WHEN %(across_accounts)s THEN '' ELSE account END AS book
FROM (SELECT account FROM portfolio.accounts UNION SELECT account FROM portfolio.lot_accounts) AS a
"""

# `opens`: whether it touches what was there before the first snapshot.
_FOUND = """
CREATE TEMP TABLE found (account text, asset text, since timestamptz, opens boolean)
ON COMMIT DROP
"""

_NEW = """
INSERT INTO found
SELECT m.account, a.asset, min(t.happened_at),
       bool_or(t.happened_at <= greatest(k.opened_at, k.positioned_at))
FROM members AS m LEFT JOIN portfolio.lot_accounts AS k USING (account)
CROSS JOIN LATERAL (
    SELECT * FROM portfolio.touched AS t WHERE t.account = m.account AND t.recorded_at >= %(since)s
    OFFSET 0
) AS t
CROSS JOIN LATERAL unnest(t.assets) AS a (asset)
GROUP BY m.account, a.asset
"""

# What a row was before it was changed is not known: it may have been of any asset.
_REWRITTEN = """
INSERT INTO found
SELECT r.account, c.asset, r.happened_at, r.opens
FROM (
    SELECT w.account, m.book, min(w.happened_at) AS happened_at,
           bool_or(w.happened_at <= greatest(k.opened_at, k.positioned_at)) AS opens
    FROM portfolio.rewritten AS w
    JOIN members AS m USING (account)
    LEFT JOIN portfolio.lot_accounts AS k USING (account)
    WHERE w.recorded_at >= %(since)s AND w.dataset <> 'orders' GROUP BY w.account, m.book
) AS r
JOIN portfolio.cost_basis AS c ON c.account = r.book
"""

_PRICED = """
WITH changed AS MATERIALIZED (
    SELECT p.asset,
           CASE WHEN EXISTS (SELECT FROM portfolio.prices AS b
                             WHERE b.asset = p.asset AND b.at < p.at)
                THEN p.at ELSE '-infinity' END AS lower,
           coalesce((SELECT min(n.at) FROM portfolio.prices AS n
                     WHERE n.asset = p.asset AND n.at > p.at), 'infinity') AS upper
    FROM (
        SELECT asset, at FROM portfolio.prices WHERE recorded_at >= %(since)s
        UNION
        SELECT market, happened_at FROM portfolio.rewritten
        WHERE dataset = 'prices' AND recorded_at >= %(since)s
    ) AS p
)
INSERT INTO found
SELECT m.account, a.asset, min(t.happened_at), false
FROM members AS m
CROSS JOIN LATERAL (
    SELECT * FROM portfolio.touched AS t
    WHERE t.account = m.account AND t.until >= (SELECT min(lower) FROM changed)
    OFFSET 0
) AS t
JOIN changed AS c ON c.asset = ANY (t.assets) AND t.until >= c.lower AND t.happened_at < c.upper
CROSS JOIN LATERAL unnest(t.assets) AS a (asset)
GROUP BY m.account, a.asset
UNION ALL
SELECT k.account, o.asset, k.begins_at, false
FROM changed AS c JOIN portfolio.openings AS o USING (asset)
JOIN portfolio.lot_accounts AS k USING (account)
WHERE k.begins_at >= c.lower AND k.begins_at < c.upper
"""

_ACCOUNTS = """
CREATE TEMP TABLE accounts_now ON COMMIT DROP AS
SELECT m.account, n.*, k.account IS NULL OR (k.opened_at, k.positioned_at, k.wallets)
           IS DISTINCT FROM (n.opened_at, n.positioned_at, n.wallets) AS other,
       k.begins_at IS DISTINCT FROM n.begins_at AS begins
FROM members AS m LEFT JOIN portfolio.lot_accounts AS k USING (account)
CROSS JOIN LATERAL (
    SELECT least(
               (SELECT min(executed_at) FROM alphapulse.trades AS t WHERE t.account = m.account),
               (SELECT min(happened_at) FROM alphapulse.transfers AS t
                WHERE t.account = m.account),
               (SELECT min(happened_at) FROM alphapulse.funding AS t WHERE t.account = m.account),
               (SELECT min(happened_at) FROM alphapulse.ledger AS t WHERE t.account = m.account),
               f.opened_at, f.positioned_at, %(now)s) AS begins_at,
           f.opened_at, f.positioned_at, coalesce(s.seen_at, k.seen_at) AS seen_at,
           nullif(ARRAY(SELECT DISTINCT unnest(k.wallets || s.wallets) ORDER BY 1), '{}')
               AS wallets
    FROM (SELECT (SELECT min(captured_at) FROM alphapulse.snapshots AS s
                  WHERE s.account = m.account AND s.dataset = 'balances') AS opened_at,
                 (SELECT min(captured_at) FROM alphapulse.snapshots AS s
                  WHERE s.account = m.account AND s.dataset = 'positions') AS positioned_at) AS f,
         (SELECT array_agg(DISTINCT wallet) AS wallets, max(captured_at) AS seen_at
          FROM alphapulse.balances AS b WHERE b.account = m.account
            AND b.captured_at > coalesce(k.seen_at, '-infinity')) AS s
) AS n
"""

_KNOW_ACCOUNTS = """
INSERT INTO portfolio.lot_accounts AS k
    (account, begins_at, opened_at, positioned_at, seen_at, wallets)
SELECT account, begins_at, opened_at, positioned_at, seen_at, wallets FROM accounts_now
ON CONFLICT (account) DO UPDATE SET begins_at = excluded.begins_at,
    opened_at = excluded.opened_at, positioned_at = excluded.positioned_at,
    seen_at = excluded.seen_at, wallets = excluded.wallets
WHERE (k.begins_at, k.opened_at, k.positioned_at, k.seen_at, k.wallets) IS DISTINCT FROM
    (excluded.begins_at, excluded.opened_at, excluded.positioned_at, excluded.seen_at,
     excluded.wallets)
"""

_OTHER_ACCOUNTS = """
INSERT INTO found
SELECT n.account, c.asset, timestamptz '0001-01-01 UTC', false
FROM accounts_now AS n JOIN members AS m USING (account)
JOIN portfolio.cost_basis AS c ON c.account = m.book WHERE n.other
UNION ALL
SELECT n.account, o.asset, timestamptz '0001-01-01 UTC', false
FROM accounts_now AS n JOIN portfolio.openings AS o USING (account) WHERE n.begins
"""

# Which withdrawal came in as which deposit: by the chain's id, else by what was sent.
_OWN_TRANSFERS = """
CREATE TEMP TABLE own_now ON COMMIT DROP AS
WITH pairs AS (
    SELECT d.account, d.transfer_id, d.asset, d.arrived_at, w.account AS from_account,
           w.transfer_id AS from_id, w.happened_at AS left_at,
           row_number() OVER (PARTITION BY d.account, d.transfer_id
               ORDER BY d.txid = w.txid DESC NULLS LAST, w.happened_at DESC, w.account,
                        w.transfer_id) AS of_deposit,
           row_number() OVER (PARTITION BY w.account, w.transfer_id
               ORDER BY d.txid = w.txid DESC NULLS LAST, d.arrived_at, d.account,
                        d.transfer_id) AS of_withdrawal
    FROM (SELECT account, transfer_id, asset, amount, nullif(txid, '') AS txid,
                 coalesce(updated_at, happened_at) AS arrived_at
          FROM alphapulse.transfers WHERE kind = 'deposit' AND status = 'ok') AS d
    JOIN (SELECT account, transfer_id, asset, amount, nullif(txid, '') AS txid, happened_at,
                 CASE WHEN fee_currency = asset THEN coalesce(fee_cost, 0) ELSE 0 END AS fee
          FROM alphapulse.transfers
          WHERE kind = 'withdrawal' AND status NOT IN ('failed', 'canceled')) AS w
        ON w.asset = d.asset AND w.account <> d.account AND d.arrived_at >= w.happened_at
        AND d.arrived_at < w.happened_at + interval '2 days'
        AND coalesce(d.txid = w.txid, d.amount = w.amount OR d.amount = w.amount - w.fee)
)
SELECT account, transfer_id, asset, arrived_at, from_account, from_id, left_at
FROM pairs WHERE of_deposit = 1 AND of_withdrawal = 1
"""

_OWN_CHANGED = """
WITH changed AS (
    (TABLE own_now EXCEPT TABLE portfolio.own_transfers)
    UNION (TABLE portfolio.own_transfers EXCEPT TABLE own_now)
)
INSERT INTO found
SELECT account, asset, arrived_at, false FROM changed
UNION SELECT from_account, asset, left_at, false FROM changed
"""

_TRANSFERS_CHANGED = """
SELECT EXISTS (
    SELECT FROM members AS m WHERE EXISTS (
        SELECT FROM alphapulse.transfers AS t
        WHERE t.account = m.account AND t.recorded_at >= %(since)s)
) OR EXISTS (
    SELECT FROM portfolio.rewritten WHERE recorded_at >= %(since)s AND dataset = 'transfers'
)
"""

# A loan is held and owed: of neither is it an opening.
_OPENINGS = """
CREATE TEMP TABLE openings_now ON COMMIT DROP AS
WITH opened AS (
    SELECT account FROM accounts_now WHERE other OR begins
    UNION SELECT account FROM found WHERE opens
)
SELECT account, asset, sum(amount) AS amount
FROM (
    SELECT b.account, b.asset, b.total - b.debt AS amount
    FROM opened JOIN portfolio.lot_accounts AS k USING (account)
    JOIN alphapulse.balances AS b ON b.account = k.account AND b.captured_at = k.opened_at
    UNION ALL
    SELECT p.account, p.market, CASE p.side WHEN 'short' THEN -p.contracts ELSE p.contracts END
    FROM opened JOIN portfolio.lot_accounts AS k USING (account)
    JOIN alphapulse.positions AS p ON p.account = k.account AND p.captured_at = k.positioned_at
    UNION ALL
    SELECT l.account, l.asset, -l.amount
    FROM opened JOIN portfolio.lot_accounts AS k USING (account)
    CROSS JOIN LATERAL (
        SELECT * FROM portfolio.legs AS l WHERE l.account = k.account AND l.stage > 0
          AND l.happened_at <= greatest(k.opened_at, k.positioned_at)
        OFFSET 0 -- by the index, not beyond the snapshots
    ) AS l
    WHERE CASE WHEN l.asset LIKE '%%:%%' THEN l.happened_at <= k.positioned_at
               ELSE l.happened_at <= k.opened_at AND l.wallet = ANY (k.wallets) END
) AS amounts
GROUP BY account, asset
"""

_OPENINGS_CHANGED = """
INSERT INTO found
SELECT n.account, n.asset, timestamptz '0001-01-01 UTC', false
FROM openings_now AS n LEFT JOIN portfolio.openings AS o USING (account, asset)
WHERE n.amount <> coalesce(o.amount, 0)
UNION ALL
SELECT o.account, o.asset, timestamptz '0001-01-01 UTC', false FROM portfolio.openings AS o
WHERE o.account IN (SELECT account FROM openings_now)
  AND NOT EXISTS (SELECT FROM openings_now AS n WHERE n.account = o.account AND n.asset = o.asset)
"""

_FORGET_OPENINGS = """
DELETE FROM portfolio.openings WHERE account IN (SELECT account FROM openings_now)
"""

_KNOW_OPENINGS = """
INSERT INTO portfolio.openings (account, asset, amount)
SELECT account, asset, amount FROM openings_now WHERE amount <> 0
"""

# What left one account anew arrives in another one anew.
_STALE = """
CREATE TEMP TABLE stale ON COMMIT DROP AS
WITH RECURSIVE reached AS (
    SELECT m.book, f.asset, min(f.since) AS since
    FROM found AS f JOIN members AS m USING (account)
    WHERE f.asset <> '' GROUP BY m.book, f.asset
    UNION
    SELECT m.book, o.asset, o.arrived_at
    FROM reached AS r JOIN members AS s ON s.book = r.book
    JOIN portfolio.own_transfers AS o
        ON o.from_account = s.account AND o.asset = r.asset AND o.left_at >= r.since
    JOIN members AS m ON m.account = o.account
)
SELECT book, asset, min(since) AS since FROM reached GROUP BY book, asset
"""


def find_stale(
    connection: Connection[TupleRow], settings: PortfolioSettings, since: datetime
) -> int:
    """Make the table `stale` from what was recorded since that time; how many assets it names."""
    given = settings.model_dump()
    if connection.execute(_SAME_SETTINGS, given).fetchone() is None:
        since = NEVER
        for statement in _FORGET:
            connection.execute(statement)
        connection.execute(_SETTINGS, given)
    news = {"since": since}
    connection.execute(_MEMBERS, given)
    connection.execute(_FOUND)
    connection.execute(_NEW, news)
    if since > NEVER:
        connection.execute(_REWRITTEN, news)
        connection.execute(_PRICED, news)
    connection.execute(_ACCOUNTS, {"now": datetime.now(UTC)})
    connection.execute(_KNOW_ACCOUNTS)
    connection.execute(_OTHER_ACCOUNTS)
    changed = connection.execute(_TRANSFERS_CHANGED, news).fetchone()
    if changed and changed[0]:
        connection.execute(_OWN_TRANSFERS)
        connection.execute(_OWN_CHANGED)
        connection.execute("DELETE FROM portfolio.own_transfers")
        connection.execute("INSERT INTO portfolio.own_transfers TABLE own_now")
    connection.execute(_OPENINGS)
    connection.execute(_OPENINGS_CHANGED)
    connection.execute(_FORGET_OPENINGS)
    connection.execute(_KNOW_OPENINGS)
    stale = connection.execute(_STALE).rowcount
    connection.execute("ANALYZE members, stale")
    return stale
