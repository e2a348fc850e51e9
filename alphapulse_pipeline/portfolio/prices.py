"""One price per asset and time, through the shortest and freshest path of markets.

What tells prices are the snapshots of all accounts (the middle of bid and ask, else the last price)
and the own spot fills. There is a set of prices at the time of every snapshot, and in an hour
without one at that of its last fill. A path has at most three markets; of those of the same length
one of spot markets alone is taken first, then the one whose oldest price is the freshest. Stable
coins cost what the markets say. Where there is no spot market in dollars, an inverse perpetual
tells what they cost: its coin is paid for in true dollars.

Fills are older than the first snapshot, and mostly paid in stable coins, whose price in dollars is
not known then. What they tell counts at the first price that the coin is known to have had: such a
path ends with the coin instead of a market.
"""

from datetime import datetime, timedelta
from typing import Any

from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.portfolio.derived import Figures
from alphapulse_pipeline.portfolio.refresh import refreshing
from alphapulse_pipeline.settings.portfolio import PortfolioSettings

NAME = "prices"

_LASTS = timedelta(days=1)
"""How long what a market told is evidence. The queries know that it is whole hours."""
_PIECE = timedelta(hours=6)
"""As much is made in one statement."""

_STABLE = ("USDT", "USDC", "FDUSD", "TUSD", "DAI", "BUSD")
"""Coins that are meant to cost a dollar. None is taken to: see `portfolio.bridges`."""

_IS_IN_CURRENCY = """
SELECT EXISTS (SELECT FROM portfolio.prices WHERE asset = %s AND at = '-infinity')
"""
_IN_CURRENCY = """
INSERT INTO portfolio.prices (asset, at, price, path, evidence_at)
VALUES (%s, '-infinity', 1, '{}', '-infinity')
"""

_FRESH = """
CREATE TEMP TABLE fresh ON COMMIT DROP AS
SELECT d.account, known.captured_at AS since, newest.captured_at AS up_to
FROM alphapulse.datasets AS d
CROSS JOIN LATERAL (
    SELECT captured_at FROM alphapulse.snapshots AS s
    WHERE s.account = d.account AND s.dataset = 'prices' ORDER BY captured_at DESC LIMIT 1
) AS newest
LEFT JOIN portfolio.priced AS known ON known.account = d.account
WHERE d.dataset = 'prices'
"""
_PRICED = """
INSERT INTO portfolio.priced AS p (account, captured_at) SELECT account, up_to FROM fresh
ON CONFLICT (account) DO UPDATE SET captured_at = excluded.captured_at
WHERE p.captured_at <> excluded.captured_at
"""

# What is told in an hour may be the price of any time until it is too old.
_PIECES = """
WITH told AS (
    SELECT s.captured_at AS at FROM fresh
    JOIN alphapulse.snapshots AS s
        ON s.account = fresh.account AND s.dataset = 'prices'
        AND s.captured_at > coalesce(fresh.since, '-infinity') AND s.captured_at <= fresh.up_to
    UNION ALL
    SELECT t.executed_at FROM alphapulse.datasets AS d
    JOIN alphapulse.trades AS t ON t.account = d.account AND t.recorded_at >= %(since)s
    WHERE d.dataset = 'trades' AND t.market NOT LIKE '%%:%%'
    UNION ALL
    SELECT happened_at FROM portfolio.rewritten
    WHERE recorded_at >= %(since)s AND dataset = 'trades' AND market NOT LIKE '%%:%%'
), hours AS (
    SELECT DISTINCT date_bin('1 hour', at, 'epoch') AS hour FROM told
), spans AS (
    SELECT unnest(range_agg(tstzrange(hour, hour + %(lasts)s + interval '1 hour'))) AS span
    FROM hours
)
SELECT start, least(start + %(piece)s, upper(span))
FROM spans, generate_series(lower(span), upper(span) - interval '1 hour', %(piece)s) AS start
ORDER BY start
"""

# Names are ccxt's. A dated future costs what its date makes of the asset, and a contract that is
# settled in a third currency is no price in its quote: neither is evidence.
_MADE = """
WITH RECURSIVE accounts AS MATERIALIZED (
    SELECT DISTINCT account FROM alphapulse.datasets
), snapshot_times AS MATERIALIZED (
    SELECT DISTINCT s.captured_at AS at FROM accounts
    JOIN alphapulse.snapshots AS s
        ON s.account = accounts.account AND s.dataset = 'prices'
        AND s.captured_at >= %(start)s AND s.captured_at < %(end)s
), fill_times AS (
    SELECT max(t.executed_at) AS at FROM accounts
    JOIN alphapulse.trades AS t
        ON t.account = accounts.account
        AND t.executed_at >= %(start)s AND t.executed_at < %(end)s
    WHERE t.market NOT LIKE '%%:%%'
    GROUP BY date_bin('1 hour', t.executed_at, 'epoch')
), times AS MATERIALIZED (
    SELECT at FROM snapshot_times
    UNION ALL
    SELECT at FROM fill_times WHERE date_bin('1 hour', at, 'epoch') NOT IN (
        SELECT date_bin('1 hour', at, 'epoch') FROM snapshot_times)
), traded AS (
    (SELECT account, market FROM alphapulse.trades ORDER BY account, market LIMIT 1)
    UNION ALL
    SELECT next.account, next.market FROM traded CROSS JOIN LATERAL (
        SELECT t.account, t.market FROM alphapulse.trades AS t
        WHERE (t.account, t.market) > (traded.account, traded.market)
        ORDER BY t.account, t.market LIMIT 1
    ) AS next
), spot AS MATERIALIZED (
    SELECT account, market FROM traded WHERE market NOT LIKE '%%:%%'
), told AS (
    SELECT times.at, p.market, p.captured_at AS evidence_at, 0 AS source, p.account,
           CASE WHEN p.bid > 0 AND p.ask > 0 THEN (p.bid + p.ask) * 0.5 ELSE p.last END AS price
    FROM times CROSS JOIN accounts
    CROSS JOIN LATERAL (
        SELECT captured_at FROM alphapulse.snapshots AS s
        WHERE s.account = accounts.account AND s.dataset = 'prices'
          AND s.captured_at <= times.at AND s.captured_at >= times.at - %(lasts)s
        ORDER BY captured_at DESC LIMIT 1
    ) AS newest
    JOIN alphapulse.prices AS p
        ON p.account = accounts.account AND p.captured_at = newest.captured_at
    UNION ALL
    SELECT times.at, spot.market, newest.executed_at, 1, spot.account, newest.price
    FROM times CROSS JOIN spot
    CROSS JOIN LATERAL (
        SELECT executed_at, price FROM alphapulse.trades AS t
        WHERE t.account = spot.account AND t.market = spot.market
          AND t.executed_at <= times.at AND t.executed_at >= times.at - %(lasts)s
        ORDER BY executed_at DESC, trade_id DESC, side DESC LIMIT 1
    ) AS newest
), quotes AS (
    SELECT DISTINCT ON (at, market) at, market, evidence_at, price,
           split_part(market, '/', 1) AS base,
           split_part(split_part(market, '/', 2), ':', 1) AS quote,
           split_part(market, ':', 2) AS settle
    FROM told WHERE price > 0 AND market ~ '^[^/:]+/[^/:]+(:[^:-]+)?$'
    ORDER BY at, market, evidence_at DESC, source, account
), edges AS MATERIALIZED (
    SELECT at, way.*, market, settle <> '' AS derivative, evidence_at
    FROM quotes
    CROSS JOIN LATERAL (VALUES (base, quote, price, 1::numeric), (quote, base, 1::numeric, price))
        AS way (asset, into_asset, numerator, denominator)
    WHERE settle IN ('', base, quote)
), one AS MATERIALIZED (
    SELECT DISTINCT ON (at, asset, derivative) at, asset, numerator, denominator,
           ARRAY[market] AS path, derivative, evidence_at
    FROM edges WHERE into_asset = %(currency)s
    ORDER BY at, asset, derivative, evidence_at DESC, market
), two AS MATERIALIZED (
    SELECT DISTINCT ON (at, e.asset, e.derivative OR o.derivative) at, e.asset,
           e.numerator * o.numerator AS numerator, e.denominator * o.denominator AS denominator,
           e.market || o.path AS path, e.derivative OR o.derivative AS derivative,
           least(e.evidence_at, o.evidence_at) AS evidence_at
    FROM one AS o JOIN edges AS e USING (at)
    WHERE e.into_asset = o.asset AND e.asset <> %(currency)s
      AND NOT EXISTS (SELECT FROM one WHERE one.at = e.at AND one.asset = e.asset)
    ORDER BY at, e.asset, e.derivative OR o.derivative, 7 DESC, 5
), three AS (
    SELECT at, e.asset, e.numerator * o.numerator, e.denominator * o.denominator,
           e.market || o.path, e.derivative OR o.derivative, least(e.evidence_at, o.evidence_at)
    FROM two AS o JOIN edges AS e USING (at)
    WHERE e.into_asset = o.asset AND e.asset <> %(currency)s
      AND NOT EXISTS (SELECT FROM one WHERE one.at = e.at AND one.asset = e.asset)
      AND NOT EXISTS (SELECT FROM two WHERE two.at = e.at AND two.asset = e.asset)
), led AS MATERIALIZED (
    TABLE one UNION ALL TABLE two UNION ALL TABLE three
), over_one AS MATERIALIZED (
    SELECT DISTINCT ON (e.at, e.asset) e.at, e.asset, e.numerator * b.price AS numerator,
           e.denominator, ARRAY[e.market, b.asset] AS path, e.derivative, e.evidence_at
    FROM portfolio.bridges AS b JOIN edges AS e ON e.into_asset = b.asset AND e.at < b.at
    WHERE e.asset <> ALL (%(stable)s)
      AND NOT EXISTS (SELECT FROM led WHERE led.at = e.at AND led.asset = e.asset)
    ORDER BY e.at, e.asset, e.derivative, e.evidence_at DESC, 5
), over_two AS (
    SELECT at, e.asset, e.numerator * o.numerator, e.denominator * o.denominator,
           e.market || o.path, e.derivative OR o.derivative, least(e.evidence_at, o.evidence_at)
    FROM over_one AS o JOIN edges AS e USING (at)
    WHERE e.into_asset = o.asset AND e.asset <> ALL (%(stable)s)
      AND NOT EXISTS (SELECT FROM led WHERE led.at = e.at AND led.asset = e.asset)
      AND NOT EXISTS (SELECT FROM over_one WHERE over_one.at = e.at AND over_one.asset = e.asset)
), made AS MATERIALIZED (
    SELECT DISTINCT ON (asset, at) asset, at, path, evidence_at,
           CASE denominator WHEN 1 THEN numerator ELSE numerator / denominator END AS price
    FROM (TABLE led UNION ALL TABLE over_one UNION ALL TABLE over_two) AS paths
    ORDER BY asset, at, derivative, evidence_at DESC, path
), gone AS (
    DELETE FROM portfolio.prices AS p WHERE p.at >= %(start)s AND p.at < %(end)s
    AND NOT EXISTS (SELECT FROM made WHERE made.asset = p.asset AND made.at = p.at)
    RETURNING p.asset, p.at
), written AS (
    INSERT INTO portfolio.prices AS p (asset, at, price, path, evidence_at)
    SELECT asset, at, trim_scale(price), path, evidence_at FROM made
    ON CONFLICT (asset, at) DO UPDATE SET price = excluded.price, path = excluded.path,
        evidence_at = excluded.evidence_at, recorded_at = clock_timestamp()
    WHERE (p.price, p.path, p.evidence_at)
        IS DISTINCT FROM (excluded.price, excluded.path, excluded.evidence_at)
    RETURNING asset, at, xmax <> 0 AS changed
), remembered AS (
    INSERT INTO portfolio.rewritten (account, dataset, market, happened_at)
    SELECT '', 'prices', asset, at FROM gone
    UNION ALL
    SELECT '', 'prices', asset, at FROM written WHERE changed
)
SELECT count(*) FROM written
"""


# What a stable coin costs itself is never told by another one's bridge.
_BRIDGES = """
WITH found AS (
    SELECT coin AS asset, first.at, first.price
    FROM unnest(%(stable)s::text[]) AS coin
    CROSS JOIN LATERAL (
        SELECT at, price FROM portfolio.prices WHERE asset = coin AND isfinite(at)
        ORDER BY at LIMIT 1
    ) AS first
    WHERE %(currency)s = 'USD'
), both_ways AS (
    SELECT asset, known.at AS known_at, found.at AS found_at
    FROM portfolio.bridges AS known FULL JOIN found USING (asset)
    WHERE (known.at, known.price) IS DISTINCT FROM (found.at, found.price)
), gone AS (
    DELETE FROM portfolio.bridges AS b USING both_ways
    WHERE b.asset = both_ways.asset AND found_at IS NULL
), written AS (
    INSERT INTO portfolio.bridges SELECT found.* FROM found JOIN both_ways USING (asset)
    ON CONFLICT (asset) DO UPDATE SET at = excluded.at, price = excluded.price
), first AS (
    SELECT min(executed_at) AS at FROM (SELECT DISTINCT account FROM alphapulse.datasets) AS a
    CROSS JOIN LATERAL (
        SELECT executed_at FROM alphapulse.trades AS t WHERE t.account = a.account
        ORDER BY executed_at LIMIT 1
    ) AS t
), span AS (
    SELECT date_bin('1 hour', first.at, 'epoch') AS start,
           date_bin('1 hour', max(greatest(known_at, found_at)), 'epoch') + interval '1 hour'
               AS ending
    FROM first, both_ways GROUP BY first.at
)
SELECT piece, least(piece + %(piece)s, ending)
FROM span, generate_series(start, ending - interval '1 hour', %(piece)s) AS piece
ORDER BY piece
"""


def refresh(connection: Connection[TupleRow], settings: PortfolioSettings) -> Figures:
    """How many prices are new or changed, and how many held assets have none.

    Another currency makes everything anew: its own row at -infinity is recorded then.
    """
    with refreshing(connection, NAME) as since:
        if not _is_in(connection, settings.currency):
            since = datetime.min.replace(tzinfo=since.tzinfo)
            connection.execute("DELETE FROM portfolio.prices")
            connection.execute("DELETE FROM portfolio.priced")
            connection.execute("DELETE FROM portfolio.bridges")
            connection.execute(_IN_CURRENCY, [settings.currency])
        connection.execute(_FRESH)
        connection.execute("ANALYZE fresh")
        values = {"currency": settings.currency, "stable": list(_STABLE), "lasts": _LASTS}
        values |= {"since": since, "piece": _PIECE}
        made = _make(connection, _PIECES, values)
        made += _make(connection, _BRIDGES, values)
        connection.execute(_PRICED)
    row = connection.execute("SELECT count(*) FROM portfolio.unpriced").fetchone()
    return {"priced": made, "unpriced assets": row[0] if row else 0}


def _make(connection: Connection[TupleRow], pieces: str, values: dict[str, Any]) -> int:
    """How many prices are new or changed in these pieces of time."""
    made = 0
    for start, end in connection.execute(pieces.encode(), values).fetchall():
        row = connection.execute(_MADE, values | {"start": start, "end": end}).fetchone()
        made += row[0] if row else 0
    return made


def _is_in(connection: Connection[TupleRow], currency: str) -> bool:
    return connection.execute(_IS_IN_CURRENCY, [currency]).fetchone() == (True,)
