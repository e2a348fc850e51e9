"""A million fills: exact, in flat memory, with hardly a request or a cycle too many.

`uv run python bench/backfill.py` takes a quarter of an hour and 4 GB, most of it the simulation.
Each measurement is a process of its own, against one simulator in another. Beside ours runs a bare
loop that does no more than fetch (the same ccxt class), parse, COPY and merge, a page at a time.

* memory: the peak of a million fills, over the peak of ten thousand;
* requests: over the least that Bybit's windows of 7 days and pages of 100 allow;
* CPU: over that of the bare loop, on the same fills, by turns, median by median;
* wall: with the rate limit on, over what the limit dictates for that many requests.
"""

import argparse
import asyncio
import json
import multiprocessing
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from statistics import median
from typing import Any

import psycopg

from alphapulse_pipeline.datasets import DATASETS, HISTORIES, Place
from alphapulse_pipeline.exchange.lean_import import exchange_class
from alphapulse_pipeline.exchange.venues import VENUES
from alphapulse_pipeline.settings.accounts import Account, AccountSettings
from alphapulse_pipeline.settings.environment import DEFAULT_RATE_SHARE, POSTGRES_URL
from alphapulse_pipeline.sync.histories import history, whole_history
from alphapulse_pipeline.sync.session import open_session
from alphapulse_pipeline.warehouse import schema
from alphapulse_pipeline.warehouse.embedded import embedded_server
from alphapulse_pipeline.warehouse.writer import write
from exchange_simulator import DEMO_KEY, DEMO_SECRET, World, serve

TARGETS = {"memory": 1.10, "requests": 1.10, "CPU": 1.15, "wall": 1.05}
CATEGORIES = ("spot", "linear", "inverse", "option")
DAY = timedelta(days=1)
WEEK = timedelta(days=7)
GENESIS = datetime(2026, 1, 1, tzinfo=UTC)
PAGE = 100


@dataclass(frozen=True)
class Cost:
    fills: int
    requests: int
    cpu: float
    wall: float
    peak_mb: float


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--fills", type=int, default=1_000_000)
    parser.add_argument("--days", type=int, default=320)
    parser.add_argument("--turns", type=int, default=3)
    options = parser.parse_args()
    pace = options.fills / (90 * options.days)
    few = max(round(10_000 / (90 * pace)), 1)
    binding = min(30 * few, options.days)  # so many requests that nothing but the limit counts
    with _simulated(pace, options.days) as (url, ask), tempfile.TemporaryDirectory() as home:
        now = GENESIS + options.days * DAY
        with embedded_server(Path(home)) as server:

            def run(what: str, days: int, *, limited: bool = False) -> Cost:
                database = schema.ensure_database(server.url("postgres"), "bench")
                schema.migrate(database)
                since = (now - days * DAY).date()
                cost = _measure(what, url, database, since, now, limited=limited)
                print(f"{what:5} {days:4} days: {cost}", flush=True)
                with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
                    connection.execute("DROP DATABASE bench")
                return cost

            small = run("ours", few)
            bare, ours = [], []
            for _ in range(options.turns):
                bare.append(run("bare", options.days))
                ours.append(run("ours", options.days))
            limited = run("ours", binding, limited=True)
            truth, least = ask(options.days)
            exact = all(cost.fills == truth for cost in bare + ours)
            found = {
                "memory": max(cost.peak_mb for cost in ours) / small.peak_mb,
                "requests": max(cost.requests for cost in ours) / least,
                "CPU": median(cost.cpu for cost in ours) / median(cost.cpu for cost in bare),
                "wall": limited.wall / _dictated(limited.requests),
            }
    print(f"{truth} fills, {least} requests at least; exact: {exact}")
    for name, ratio in found.items():
        print(f"{name:9} {ratio:.3f} (target {TARGETS[name]})")
    return 0 if exact and all(found[n] <= TARGETS[n] for n in found) else 1


def _dictated(requests: int) -> float:
    """Seconds that the venue's rate limit makes of so many requests."""
    venue = VENUES["bybit"]
    charges = venue.charged and venue.charged("private", "v5/execution/list", {})
    return max(
        (requests * cost - limit.most_at_once(DEFAULT_RATE_SHARE)) / limit.rate(DEFAULT_RATE_SHARE)
        for limit, cost in charges or ()
    )


# -- the simulated exchange -------------------------------------------------------------------


@contextmanager
def _simulated(pace: float, days: int) -> Iterator[tuple[str, Any]]:
    """Its URL, and what asks it for the fills of the last days and the least requests."""
    here, there = multiprocessing.get_context("spawn").Pipe()
    process = multiprocessing.get_context("spawn").Process(
        target=_serve, args=(there, pace, days), daemon=True
    )
    process.start()

    def ask(days: int) -> tuple[int, int]:
        here.send(days)
        fills, least = here.recv()
        return int(fills), int(least)

    try:
        yield str(here.recv()), ask
    finally:
        process.terminate()
        process.join()


def _serve(pipe: Pipe, pace: float, days: int) -> None:
    now = GENESIS + days * DAY
    world = World(genesis=GENESIS, pace=pace)
    world.advance_to(_ms(now))
    with serve(world, clock=lambda: _ms(now), limits=False) as simulator:
        pipe.send(simulator.url)
        while True:
            asked = now - pipe.recv() * DAY
            fills = requests = 0
            for category in CATEGORIES:
                executions = world.account.executions[category]  # type: ignore[index]
                end = now
                while end > asked:
                    begin = max(asked, end - WEEK)
                    span = executions.span(_ms(begin), _ms(end) - 1)
                    requests += max(-(-len(span) // PAGE), 1)
                    fills += sum(hasattr(executions.rows[i], "fee") for i in span)
                    end = begin
            pipe.send((fills, requests))


def _ms(time: datetime) -> int:
    return int(time.timestamp()) * 1000


# -- one measurement --------------------------------------------------------------------------


def _measure(
    what: str, url: str, database: str, since: date, now: datetime, *, limited: bool
) -> Cost:
    run = subprocess.run(
        [sys.executable, __file__, what, url, str(since), str(limited)],
        stdout=subprocess.PIPE,
        check=True,
        env={
            **os.environ,
            POSTGRES_URL: database,
            "BYBIT_API_KEY": DEMO_KEY,
            "BYBIT_API_SECRET": DEMO_SECRET,
            "BYBIT_API_URL": url,
            "BENCH_NOW": str(_ms(now)),
        },
    )
    return Cost(**json.loads(run.stdout))


def _worker(what: str, url: str, since: date, limited: bool) -> None:
    started = time.monotonic()
    if what == "ours":
        fills, requests = _ours(since, limited)
    else:
        fills, requests = asyncio.run(_bare(url, since))
    used = resource.getrusage(resource.RUSAGE_SELF)
    cost = Cost(
        fills,
        requests,
        round(used.ru_utime + used.ru_stime, 2),
        round(time.monotonic() - started, 2),
        round(used.ru_maxrss / 1024, 1),
    )
    print(json.dumps(cost.__dict__))


def _ours(since: date, limited: bool) -> tuple[int, int]:
    venue = VENUES["bybit"]
    settings = {**venue.settings, "enableRateLimit": limited}
    VENUES["bybit"] = replace(venue, settings=settings)
    database = os.environ[POSTGRES_URL]
    account = Account(
        "bybit",
        AccountSettings.model_validate(
            {
                "exchange": "bybit",
                "history_start": since,
                "options": _signing(),
            }
        ),
    )
    with open_session(account, database, "bench") as session:
        before = session.client.requests
        batches = history(session, "trades", whole_history(session), fill=True)
        write(session.connection, batches, "bench")
        requests = session.client.requests - before
    return _stored(database), requests


def _signing() -> dict[str, int]:
    """Signed half an hour before the exchange's time, which stands still."""
    behind = time.time_ns() // 1_000_000 - int(os.environ["BENCH_NOW"]) + 1_800_000
    return {"timeDifference": behind, "recvWindow": 3_600_000}


def _stored(database: str) -> int:
    with psycopg.connect(database) as connection:
        row = connection.execute(
            "SELECT count(DISTINCT (market, trade_id, side)) FROM alphapulse.trades"
        ).fetchone()
    return int(row[0]) if row else 0


async def _bare(url: str, since: date) -> tuple[int, int]:
    """Fetch, parse, COPY, merge: what nobody can do without."""
    exchange: Any = exchange_class("bybit")(
        {
            "apiKey": DEMO_KEY,
            "secret": DEMO_SECRET,
            "enableRateLimit": False,
            "options": _signing(),
            "has": {"fetchCurrencies": False},
        }
    )
    exchange.number = str
    exchange.urls["api"] = dict.fromkeys(exchange.urls["api"], url)
    names = list(DATASETS["trades"].written)
    columns = ", ".join(names)
    requests = 0
    with psycopg.connect(os.environ[POSTGRES_URL]) as connection:
        connection.execute(
            f"CREATE TEMP TABLE stage AS SELECT {columns} FROM alphapulse.trades WITH NO DATA"
        )
        try:
            await exchange.load_markets()
            end = await exchange.fetch_time()
            start = _ms(datetime.combine(since, datetime.min.time(), UTC))
            for category in CATEGORIES:
                last = end
                while last > start:
                    first = max(start, last - WEEK // timedelta(milliseconds=1))
                    cursor = ""
                    while True:
                        answer = await exchange.privateGetV5ExecutionList(
                            {
                                **{"category": category, "limit": PAGE},
                                **{"startTime": first, "endTime": last - 1},
                                **({"cursor": cursor} if cursor else {}),
                            }
                        )
                        requests += 1
                        _store(connection, exchange, category, answer["result"]["list"], names)
                        cursor = answer["result"]["nextPageCursor"]
                        if not cursor:
                            break
                    last = first
        finally:
            await exchange.close()
    return _stored(os.environ[POSTGRES_URL]), requests


def _store(connection: Any, exchange: Any, category: str, raw_rows: Any, names: list[str]) -> None:
    columns = ", ".join(names)
    with connection.cursor() as cursor:
        with cursor.copy(f"COPY stage ({columns}) FROM STDIN") as copy:
            for raw in raw_rows:
                if raw["execType"] == "Funding":
                    continue
                candidates = exchange.markets_by_id.get(raw["symbol"], [])
                market = next((m for m in candidates if m[category]), None)
                trade = exchange.parse_trade(raw, market)
                row = HISTORIES["trades"].row(trade, Place("unified", trade["symbol"]))
                row |= {"account": "bybit", "run_id": "bench", "origin": "api"}
                row["raw"] = json.dumps(raw)
                copy.write_row([row[name] for name in names])
        cursor.execute(
            f"INSERT INTO alphapulse.trades ({columns}) SELECT {columns} FROM stage"
            " ON CONFLICT (account, market, trade_id, side) DO UPDATE SET raw = excluded.raw"
            " WHERE trades.raw IS DISTINCT FROM excluded.raw"
        )
        cursor.execute("TRUNCATE stage")
    connection.commit()


if __name__ == "__main__":
    if len(sys.argv) == 5 and sys.argv[1] in ("ours", "bare"):
        kind, door, day, binding = sys.argv[1:]
        _worker(kind, door, date.fromisoformat(day), binding == "True")
    else:
        raise SystemExit(main())
