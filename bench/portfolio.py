"""What a refresh of the portfolio costs with a million stored fills, beside a hundred thousand.

That is enough to see a cost that follows the history; `--fills 10000000` takes an hour and 20 GB of
disk. Two databases hold an account's fills, as many as the one and
the other is to hold, and snapshots; what is derived is made from nothing, then again and again
after a thousand new fills, by turns; what is measured is the refresh alone, by the clock.
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import psycopg
from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.portfolio import realized_pnl, reconciliation
from alphapulse_pipeline.portfolio.derived import Refresh
from alphapulse_pipeline.settings.portfolio import PortfolioSettings
from alphapulse_pipeline.warehouse import schema
from alphapulse_pipeline.warehouse.embedded import embedded_server

TARGET = 1.2
NEW = 1000
REFRESHES: dict[str, Refresh] = {
    reconciliation.NAME: reconciliation.refresh,
    realized_pnl.NAME: realized_pnl.refresh,
}

# Bought and sold by turns, in two markets, fees in a third asset; what is held stays small.
_FILLS = """
INSERT INTO alphapulse.trades (account, market, trade_id, side, wallet, order_id, executed_at,
    price, amount, cost, fee_cost, fee_currency, taker_or_maker, kind, raw, run_id)
SELECT 'bench', CASE n %% 3 WHEN 0 THEN 'ETH/USDT' ELSE 'BTC/USDT' END, n::text,
    CASE WHEN n / 3 %% 2 = 0 THEN 'buy' ELSE 'sell' END, 'unified', 'order-' || n / 3,
    timestamptz '2020-01-01 UTC' + n * interval '10 seconds', 50000 + n %% 977, 0.001,
    0.001 * (50000 + n %% 977), 0.00001, 'BNB', 'taker', 'trade', '{}', 'filler'
FROM generate_series(%(first)s::bigint, %(last)s) AS n
"""

_PRICES = """
INSERT INTO portfolio.prices (asset, at, price, path, evidence_at)
SELECT 'USD', '-infinity'::timestamptz, 1, '{}'::text[], now()
UNION ALL
SELECT asset, timestamptz '2020-01-01 UTC' + day * interval '1 day', price + day %% 7, '{}', now()
FROM generate_series(0, %(fills)s / 8640) AS day,
    (VALUES ('USDT', 1), ('BTC', 50000), ('ETH', 3000), ('BNB', 300)) AS p (asset, price)
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
                db.execute(_SNAPSHOT, {"at": first + NEW - 1})
                for table, refresh in REFRESHES.items():
                    costs.setdefault((table, name), []).append(_seconds(db, refresh))
        for db in databases.values():
            db.close()
    ratios = {}
    for table in REFRESHES:
        few, many = (statistics.median(costs[table, name]) for name in sizes)
        ratios[table] = many / few
        print(f"{table:15} {few:.3f} s and {many:.3f} s: {many / few:.3f} (target {TARGET})")
    return 0 if all(ratio <= TARGET for ratio in ratios.values()) else 1


def _fill(db: Connection[TupleRow], fills: int) -> None:
    db.execute(_SNAPSHOT, {"at": 0})
    db.execute(_FILLS, {"first": 1, "last": fills})
    db.execute(_PRICES, {"fills": fills})
    db.execute(_SNAPSHOT, {"at": fills})
    db.execute("VACUUM ANALYZE")
    for table, refresh in REFRESHES.items():
        speed = fills / _seconds(db, refresh)
        print(f"{table:15} from nothing: {fills} fills, {speed:.0f} a second", flush=True)
    db.execute("VACUUM ANALYZE")
    db.execute("CHECKPOINT")


def _seconds(db: Connection[TupleRow], refresh: Refresh) -> float:
    started = time.monotonic()
    refresh(db, PortfolioSettings())
    return time.monotonic() - started


if __name__ == "__main__":
    raise SystemExit(main())
