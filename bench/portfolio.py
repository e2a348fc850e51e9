"""Time of a portfolio refresh with a million stored fills, compared with a hundred thousand.

That is enough to see a cost that grows with the history; `--fills 10000000` takes half an hour and
20 GB of disk. Each of two databases has one account with that many fills, a ledger that books each
of them, one snapshot of prices a day and two snapshots of balances. Every derived table is
calculated once from the beginning. Then both databases get a snapshot and a thousand new fills in
each round, and the refresh is timed.
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import psycopg
from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.portfolio.derived import Refresh
from alphapulse_pipeline.portfolio.tables import DERIVED
from alphapulse_pipeline.settings.portfolio import PortfolioSettings
from alphapulse_pipeline.warehouse import schema
from alphapulse_pipeline.warehouse.embedded import embedded_server

TARGET = 1.2
NEW = 1000
ALL = "all together"

_DATASETS = """
INSERT INTO alphapulse.datasets (account, dataset, exchange, supported)
SELECT 'bench', unnest(ARRAY['balances', 'prices', 'trades']), 'bybit', true
"""

# Alternating purchases and sales in two markets with fees in a third asset, so holdings stay small.
_FILLS = """
INSERT INTO alphapulse.trades (account, market, trade_id, side, wallet, order_id, executed_at,
    price, amount, cost, fee_cost, fee_currency, taker_or_maker, kind, raw, run_id)
SELECT 'bench', CASE n %% 3 WHEN 0 THEN 'ETH/USDT' ELSE 'BTC/USDT' END, n::text,
    CASE WHEN n / 3 %% 2 = 0 THEN 'buy' ELSE 'sell' END, 'unified', 'order-' || n / 3,
    timestamptz '2020-01-01 UTC' + n * interval '10 seconds', 50000 + n %% 977, 0.001,
    0.001 * (50000 + n %% 977), 0.00001, 'BNB', 'taker', 'trade', '{}', 'filler'
FROM generate_series(%(first)s::bigint, %(last)s) AS n
"""

# What each fill moved, as its exchange's ledger has it: base, quote and fee.
_ENTRIES = """
INSERT INTO alphapulse.ledger (account, wallet, kind, entry_id, asset, amount, reference_id, class,
    happened_at, raw, run_id)
SELECT 'bench', 'unified', 'TRADE', t.trade_id || moved.asset, moved.asset, moved.amount,
    t.trade_id, 'trade', t.executed_at, '{}', 'filler'
FROM alphapulse.trades AS t
CROSS JOIN LATERAL (VALUES (split_part(t.market, '/', 1), t.amount), ('USDT', -t.cost))
    AS sides (asset, bought)
CROSS JOIN LATERAL (
    SELECT sides.asset, CASE t.side WHEN 'buy' THEN sides.bought ELSE -sides.bought END AS amount
    UNION ALL
    SELECT t.fee_currency, -t.fee_cost WHERE sides.asset = 'USDT'
) AS moved
WHERE t.executed_at >= timestamptz '2020-01-01 UTC' + %(first)s * interval '10 seconds'
"""

# One per 8640 fills, which are a day apart.
_PRICES = """
WITH snapshot AS (
    INSERT INTO alphapulse.snapshots (account, dataset, captured_at, run_id, rows)
    SELECT 'bench', 'prices', timestamptz '2020-01-01 UTC' + n * interval '10 seconds', 'filler', 4
    FROM generate_series(%(first)s::bigint, %(last)s, 8640) AS n RETURNING captured_at
)
INSERT INTO alphapulse.prices (account, captured_at, market, last)
SELECT 'bench', captured_at, market, price + extract(day FROM captured_at)
FROM snapshot, (VALUES ('USDT/USD', 0.9), ('BTC/USDT', 50000), ('ETH/USDT', 3000),
    ('BNB/USDT', 300)) AS p (market, price)
"""

_SNAPSHOT = """
WITH snapshot AS (
    INSERT INTO alphapulse.snapshots (account, dataset, captured_at, run_id, rows)
    VALUES ('bench', 'balances', timestamptz '2020-01-01 UTC' + %(at)s * interval '10 seconds'
        + interval '1 second', 'filler', 4) RETURNING captured_at
)
INSERT INTO alphapulse.balances (account, captured_at, wallet, asset, free, used, total, debt)
SELECT 'bench', captured_at, 'unified', asset, 0, 0, 1000, 0
FROM snapshot, unnest(ARRAY['BTC', 'ETH', 'USDT', 'BNB']) AS asset
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--fills", type=int, default=1_000_000)
    parser.add_argument("--few", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    sizes = {"few": options.few, "many": options.fills}
    costs: dict[tuple[str, str], list[float]] = {}
    with tempfile.TemporaryDirectory(prefix="ap") as home, embedded_server(Path(home)) as server:
        databases = {}
        for name, fills in sizes.items():
            url = schema.ensure_database(server.url("postgres"), f"bench_{name}")
            schema.migrate(url)
            databases[name] = psycopg.connect(url, autocommit=True)
            _fill(databases[name], fills)
        for number in range(options.rounds):
            for name, db in databases.items():
                first = sizes[name] + number * NEW + 1
                db.execute(_FILLS, {"first": first, "last": first + NEW - 1})
                db.execute(_ENTRIES, {"first": first})
                db.execute(_PRICES, {"first": first + NEW - 1, "last": first + NEW - 1})
                db.execute(_SNAPSHOT, {"at": first + NEW - 1})
                took = {table.name: _seconds(db, table.refresh) for table in DERIVED}
                took[ALL] = sum(took.values())
                for table, seconds in took.items():
                    costs.setdefault((table, name), []).append(seconds)
        for db in databases.values():
            db.close()
    ratio = 0.0
    for table in [*(table.name for table in DERIVED), ALL]:
        few, many = (statistics.median(costs[table, name]) for name in sizes)
        ratio = many / few
        print(f"{table:15} {few:.3f} s and {many:.3f} s: {ratio:.3f}")
    print(f"target {TARGET} for {ALL}")
    return 0 if ratio <= TARGET else 1


def _fill(db: Connection[TupleRow], fills: int) -> None:
    db.execute(_DATASETS)
    db.execute(_SNAPSHOT, {"at": 0})
    db.execute(_FILLS, {"first": 1, "last": fills})
    db.execute(_ENTRIES, {"first": 1})
    db.execute(_PRICES, {"first": 0, "last": fills})
    db.execute(_SNAPSHOT, {"at": fills})
    db.execute("VACUUM ANALYZE")
    for table in DERIVED:
        seconds = _seconds(db, table.refresh)
        print(f"{table.name:15} first refresh: {fills} fills, {seconds:.1f} s", flush=True)
    db.execute("VACUUM ANALYZE")
    db.execute("CHECKPOINT")


def _seconds(db: Connection[TupleRow], refresh: Refresh) -> float:
    started = time.monotonic()
    refresh(db, PortfolioSettings())
    return time.monotonic() - started


if __name__ == "__main__":
    raise SystemExit(main())
