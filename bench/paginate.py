"""What ccxt's own `paginate=True` loses, beside what a sync stores, on the same exchanges.

`uv run python bench/paginate.py` reads two years of fills of each simulated exchange, market by
market as ccxt's users do, with ccxt's defaults; it takes some minutes. Nothing raises an error.
"""

import argparse
import asyncio
import os
import tempfile
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
from ccxt.base import errors

from alphapulse_pipeline.exchange.lean_import import exchange_class
from alphapulse_pipeline.exchange.venues import VENUES
from alphapulse_pipeline.settings.accounts import Account, AccountSettings
from alphapulse_pipeline.sync.histories import history, whole_history
from alphapulse_pipeline.sync.session import open_session
from alphapulse_pipeline.warehouse import schema
from alphapulse_pipeline.warehouse.embedded import embedded_server
from alphapulse_pipeline.warehouse.writer import write
from exchange_simulator import (
    DEMO_KEY,
    DEMO_PASSPHRASE,
    DEMO_SECRET,
    Simulator,
    World,
    serve,
)

NOW = datetime(2026, 10, 15, 12, tzinfo=UTC)
EXCHANGES = ("bybit", "binance", "okx", "kraken")


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--days", type=int, default=730)
    days = parser.parse_args().days
    world = World(genesis=NOW - timedelta(days=days), ties=130)
    complete = True
    print(f"{'exchange':10} {'served':>8} {'sync':>8} {'paginate=True':>14}")
    with (
        tempfile.TemporaryDirectory() as home,
        embedded_server(Path(home)) as server,
        serve(world, clock=lambda: _ms(NOW), limits=False) as simulator,
    ):
        for exchange in EXCHANGES:
            true = {
                (row["market"], row["trade_id"])
                for row in simulator.truth(_ms(NOW), exchange=exchange)["trades"]
            }
            url = schema.ensure_database(server.url("postgres"), f"bench_{exchange}")
            schema.migrate(url)
            ours = _ours(exchange, simulator, url, NOW - timedelta(days=days))
            theirs = asyncio.run(_theirs(exchange, simulator, {market for market, _ in true}))
            print(f"{exchange:10} {len(true):8} {len(ours & true):8} {theirs:14}", flush=True)
            complete = complete and ours == true
    return 0 if complete else 1


def _ms(time: datetime) -> int:
    return int(time.timestamp()) * 1000


def _signing() -> dict[str, Any]:
    """Signed before the exchange's time, which stands still."""
    return {
        "timeDifference": time.time_ns() // 1_000_000 - _ms(NOW) + 25_000,
        "recvWindow": 59_999,
    }


def _ours(exchange: str, simulator: Simulator, url: str, since: datetime) -> set[tuple[str, str]]:
    venue = VENUES[exchange]
    VENUES[exchange] = replace(venue, settings={**venue.settings, "enableRateLimit": False})
    settings = {"exchange": exchange, "history_start": since.date(), "options": _signing()}
    account = Account(exchange, AccountSettings.model_validate(settings))
    names = account.environment
    os.environ |= {
        names.api_key: DEMO_KEY,
        names.api_secret: DEMO_SECRET,
        names.api_password: DEMO_PASSPHRASE,
        names.api_url: simulator.url,
    }
    with open_session(account, url, "bench") as session:
        batches = history(session, "trades", whole_history(session), fill=True)
        write(session.connection, batches, "bench")
    with psycopg.connect(url) as connection:
        return set(connection.execute("SELECT market, trade_id FROM alphapulse.trades").fetchall())


async def _theirs(exchange: str, simulator: Simulator, markets: set[str]) -> int:
    """How many fills come back; a market that ccxt does not know any more has none."""
    client: Any = exchange_class(exchange)(
        {
            "apiKey": DEMO_KEY,
            "secret": DEMO_SECRET,
            "password": DEMO_PASSPHRASE,
            "enableRateLimit": False,
            "options": _signing(),
        }
    )
    client.urls["api"] = _through(client.urls["api"], simulator.url)
    since = simulator.world.genesis
    found: set[tuple[str, str]] = set()
    try:
        await client.load_markets()
        for market in sorted(markets):
            client.options |= _signing()
            try:
                trades = await client.fetch_my_trades(market, since, None, {"paginate": True})
            except errors.BadSymbol:
                continue
            found |= {(trade["symbol"], trade["id"]) for trade in trades}
    finally:
        await client.close()
    return len(found)


def _through(urls: Any, door: str) -> Any:
    """All of ccxt's addresses at another host, their paths kept."""
    if isinstance(urls, Mapping):
        return {name: _through(value, door) for name, value in urls.items()}
    path = "/" + urls.partition("://")[2].partition("/")[2]
    return door + path.rstrip("/")


if __name__ == "__main__":
    raise SystemExit(main())
