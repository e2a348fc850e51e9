"""How fast fills reach the table: the IO manager against COPY, hand-written SQL and pandas.

    uv run python bench/load.py

Starts a PostgreSQL of its own in a temporary directory. Every way writes the same rows, built
beforehand, into an empty table that is like `alphapulse.trades`, keys and indexes included; the
ways take turns, so that a busy minute of the machine hits all of them. Exits with 1 where the IO
manager misses its target.
"""

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Generator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import dagster as dg
import pandas
import psycopg
import sqlalchemy
from psycopg import sql
from psycopg.types.json import Jsonb
from sqlalchemy.dialects.postgresql import JSONB

from alphapulse_pipeline.datasets import DATASETS
from alphapulse_pipeline.settings.environment import POSTGRES_URL
from alphapulse_pipeline.warehouse import deployed, schema
from alphapulse_pipeline.warehouse.batches import Batch, Batches, Proof, TimeRange
from alphapulse_pipeline.warehouse.connection import connect
from alphapulse_pipeline.warehouse.embedded import embedded_server
from alphapulse_pipeline.warehouse.io_manager import PostgresIOManager

ROWS = 100_000
SLOW_ROWS = 2_000  # for the ways that would take minutes; scaled
ROUNDS = 5
BATCH = 5_000
PAGE = 100  # what Bybit gives at a time
TARGETS = {"COPY": 0.35, "COPY + merge by hand": 0.80}
IO_MANAGER = f"IO manager, batches of {BATCH:,}"

START = datetime(2026, 1, 1, tzinfo=UTC)
COLUMNS = DATASETS["trades"].written
Row = dict[str, Any]


def fills(count: int) -> list[Row]:
    """Fills as the sync hands them over, each with its own JSON as Bybit sends it."""
    return [_fill(number) for number in range(count)]


def _fill(number: int) -> Row:
    executed_at = START + timedelta(milliseconds=977 * number)
    price = Decimal(6_000_000 + number * 7919 % 900_000).scaleb(-2)
    amount = Decimal(1 + number * 31 % 5000).scaleb(-3)
    cost = price * amount
    fee = cost * Decimal("0.00055")
    side = "sell" if number % 3 else "buy"
    trade_id, order_id = f"{number:08x}-5d1c-4f0a-9a3e-7e{number:010x}", f"{number // 4:036x}"
    milliseconds = str(int(executed_at.timestamp() * 1000))
    raw = {
        "symbol": "BTCUSDT",
        "orderType": "Market",
        "underlyingPrice": "",
        "orderLinkId": f"grid-{number // 4}",
        "orderId": order_id,
        "stopOrderType": "UNKNOWN",
        "execTime": milliseconds,
        "feeCurrency": "",
        "createType": "CreateByUser",
        "feeRate": "0.00055",
        "tradeIv": "",
        "blockTradeId": "",
        "markPrice": str(price + 1),
        "execPrice": str(price),
        "markIv": "",
        "orderQty": str(amount * 4),
        "orderPrice": str(price * 2),
        "execValue": str(cost),
        "closedSize": "0",
        "execType": "Trade",
        "seq": 4_688_002_127 + number,
        "side": side.capitalize(),
        "indexPrice": "",
        "leavesQty": "0",
        "isMaker": False,
        "execFee": str(fee),
        "execId": trade_id,
        "execQty": str(amount),
    }
    return {
        "market": "BTC/USDT:USDT",
        "trade_id": trade_id,
        "side": side,
        "wallet": "unified",
        "order_id": order_id,
        "executed_at": executed_at,
        "price": price,
        "amount": amount,
        "cost": cost,
        "fee_cost": fee,
        "fee_currency": "USDT",
        "taker_or_maker": "taker",
        "kind": "trade",
        "realized_pnl": None,
        "raw": raw,
    }


def complete(rows: Sequence[Row]) -> list[Row]:
    """The rows with what the writer would add."""
    return [{"account": "bybit", **row, "origin": "api", "run_id": "bench"} for row in rows]


def io_manager(url: str, rows: Sequence[Row], size: int = BATCH) -> None:
    """`PostgresIOManager.handle_output` as a run calls it: rows, coverage, log, metadata."""
    os.environ[POSTGRES_URL] = url
    context = dg.build_output_context(asset_key=["bybit", "trades"], run_id="bench")
    PostgresIOManager().handle_output(context, Batches("bybit", "trades", _batches(rows, size)))


def _batches(rows: Sequence[Row], size: int) -> Generator[Batch, None, None]:
    start = START
    for first in range(0, len(rows), size):
        batch = rows[first : first + size]
        end = batch[-1]["executed_at"] + timedelta(milliseconds=1)
        yield Batch(batch, [Proof("linear", TimeRange(start, end))])
        start = end


def raw_copy(url: str, rows: Sequence[Row]) -> None:
    """psycopg's COPY straight into the table. Cannot be repeated: a known row is an error."""
    with connect(url, autocommit=False) as connection, connection.cursor() as cursor:
        _copy(cursor, sql.SQL("plain"), rows)


def copy_and_merge(url: str, rows: Sequence[Row]) -> None:
    """What one would write by hand: a staging table, COPY, INSERT .. ON CONFLICT DO UPDATE."""
    with connect(url, autocommit=False) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TEMP TABLE staged (LIKE plain INCLUDING DEFAULTS)")
        for first in range(0, len(rows), BATCH):
            _copy(cursor, sql.SQL("staged"), rows[first : first + BATCH])
            cursor.execute(
                sql.SQL(
                    "INSERT INTO plain SELECT * FROM staged"
                    " ON CONFLICT (account, market, trade_id, side) DO UPDATE SET {}"
                ).format(
                    sql.SQL(", ").join(
                        sql.SQL("{0} = excluded.{0}").format(sql.Identifier(c)) for c in COLUMNS
                    )
                )
            )
            cursor.execute("TRUNCATE staged")
            connection.commit()


def _copy(cursor: psycopg.Cursor[Any], table: sql.SQL, rows: Sequence[Row]) -> None:
    names = sql.SQL(", ").join(map(sql.Identifier, COLUMNS))
    with cursor.copy(sql.SQL("COPY {} ({}) FROM STDIN").format(table, names)) as copy:
        for row in complete(rows):
            row["raw"] = Jsonb(row["raw"])
            copy.write_row([row[name] for name in COLUMNS])


def to_sql(url: str, rows: Sequence[Row]) -> None:
    """pandas as it comes. It has no ON CONFLICT either."""
    engine = sqlalchemy.create_engine(url)
    types: dict[str, Any] = {"raw": JSONB()}
    frame = pandas.DataFrame(complete(rows))
    frame.to_sql("plain", engine, if_exists="append", index=False, dtype=types)
    engine.dispose()


def inserts(url: str, rows: Sequence[Row]) -> None:
    """A statement a row, in one transaction."""
    statement = sql.SQL("INSERT INTO plain ({}) VALUES ({})").format(
        sql.SQL(", ").join(map(sql.Identifier, COLUMNS)),
        sql.SQL(", ").join(sql.Placeholder() * len(COLUMNS)),
    )
    with connect(url, autocommit=False) as connection:
        for row in complete(rows):
            row["raw"] = Jsonb(row["raw"])
            connection.execute(statement, [row[name] for name in COLUMNS])


Way = Callable[[str, Sequence[Row]], None]
WAYS: dict[str, tuple[Way, int]] = {
    "COPY": (raw_copy, ROWS),
    IO_MANAGER: (io_manager, ROWS),
    "COPY + merge by hand": (copy_and_merge, ROWS),
    f"IO manager, pages of {PAGE}": (lambda u, r: io_manager(u, r, PAGE), 5_000),
    "pandas to_sql": (to_sql, SLOW_ROWS),
    "INSERT row by row": (inserts, SLOW_ROWS),
}


def measure(url: str, rows: Sequence[Row], rounds: int) -> dict[str, list[float]]:
    """Rows a second of every way and round."""
    speeds: dict[str, list[float]] = {name: [] for name in WAYS}
    for number in range(rounds):
        # the other way round every other round, so that none always follows the same one
        for name, (way, count) in list(WAYS.items())[:: -1 if number % 2 else 1]:
            _empty(url)
            started = time.perf_counter()
            way(url, rows[:count])
            speeds[name].append(count / (time.perf_counter() - started))
            _check(url, count)
    return speeds


def _empty(url: str) -> None:
    with connect(url) as connection:
        connection.execute("TRUNCATE alphapulse.trades, alphapulse.coverage, plain")
        connection.execute("CHECKPOINT")  # nobody pays for what another one wrote


def _check(url: str, count: int) -> None:
    with connect(url) as connection:
        found = connection.execute(
            "SELECT (SELECT count(*) FROM plain) + (SELECT count(*) FROM alphapulse.trades)"
        ).fetchone()
    if found != (count,):
        raise AssertionError(f"{found} rows stored, not {count}")


def report(speeds: dict[str, list[float]]) -> bool:
    """Print the table; whether every target holds.

    Ratios are taken within a round, where both ways met the same machine.
    """
    good = True
    print(f"{'':32}{'rows/s':>10}{'IO manager is':>16}{'target':>10}   rounds")
    for name, values in speeds.items():
        median = statistics.median(values)
        ratio = statistics.median(
            ours / theirs for ours, theirs in zip(speeds[IO_MANAGER], values, strict=True)
        )
        target = TARGETS.get(name)
        missed = target is not None and ratio < target
        good = good and not missed
        print(
            f"{name:32}{median:>10,.0f}{ratio:>15.2f}x"
            f"{f'{target:.2f}x' if target else '':>10}   "
            + " ".join(f"{value:,.0f}" for value in values)
            + ("   MISSED" if missed else "")
        )
    return good


def main() -> int:
    rows = fills(ROWS)
    with tempfile.TemporaryDirectory(prefix="ap") as home, embedded_server(Path(home)) as server:
        url = schema.ensure_database(server.url("postgres"), "bench")
        schema.migrate(url)
        with connect(url) as connection:
            deployed.register(connection, "bybit", "bybit", [("trades", True, None)])
            connection.execute("CREATE TABLE plain (LIKE alphapulse.trades INCLUDING ALL)")
        return 0 if report(measure(url, rows, ROUNDS)) else 1


if __name__ == "__main__":
    sys.exit(main())
