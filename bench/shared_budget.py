"""Two accounts of Binance and a bot at one IP address: none is rejected, and what is left is used.

`uv run python bench/shared_budget.py` takes four minutes. Each account is a process, as each run
is; both ask for fills as fast as they may, of a simulator that counts real minutes. The bot uses
40 % of the address's limit.

* 429 and 418 after the first minute: none;
* weight used per whole minute, over our share (half of the limit).
"""

import argparse
import multiprocessing
import os
import re
import tempfile
import time
from collections import Counter
from multiprocessing.connection import Connection as Pipe

from alphapulse_pipeline.exchange.client import open_client
from alphapulse_pipeline.exchange.client_config import client_config
from alphapulse_pipeline.exchange.errors import ExchangeFailure
from alphapulse_pipeline.settings.accounts import Account, AccountSettings
from alphapulse_pipeline.settings.environment import DEFAULT_RATE_SHARE
from exchange_simulator import DEMO_KEY, DEMO_SECRET, Key, Traffic, World, serve
from exchange_simulator.binance.limits import SPOT

OTHERS = 0.4
WEIGHT = 20
AT_ONCE = 8
TARGET = 0.9
ACCOUNTS = ("one", "two")


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--minutes", type=int, default=3, help="whole minutes")
    options = parser.parse_args()
    keys = [Key(key=f"{DEMO_KEY}-{name}", uid=n) for n, name in enumerate(ACCOUNTS)]
    with (
        tempfile.TemporaryDirectory() as cache,
        serve(World(), keys=keys, traffic=Traffic(others=OTHERS)) as simulator,
    ):
        os.environ["XDG_CACHE_HOME"] = cache
        until = (time.time() // 60 + 1 + options.minutes) * 60
        spawn = multiprocessing.get_context("spawn")
        pipes = {name: spawn.Pipe() for name in ACCOUNTS}
        processes = [
            spawn.Process(target=_account, args=(there, name, simulator.url, until))
            for name, (_, there) in pipes.items()
        ]
        for process in processes:
            process.start()
        results = {name: here.recv() for name, (here, _) in pipes.items()}
        for process in processes:
            process.join()
    answered = sum((Counter(counts) for counts, _ in results.values()), Counter[int]())
    rejected = sum((Counter(statuses) for _, statuses in results.values()), Counter[str]())
    first, last = min(answered), int(until // 60)
    share = DEFAULT_RATE_SHARE * SPOT.limit
    used = [WEIGHT * answered[minute] / share for minute in range(first + 1, last)]
    for name, (counts, _) in results.items():
        print(f"{name}: {[counts.get(minute, 0) for minute in range(first, last)]} requests")
    print(f"rejected: {dict(rejected)}")
    print(f"used of our share per whole minute: {[round(part, 3) for part in used]}")
    return 0 if not rejected and min(used) >= TARGET else 1


def _account(pipe: Pipe, name: str, url: str, until: float) -> None:
    """Send requests until `until`; send back how many were answered in each minute, and the
    statuses of those that were not."""
    settings = {"exchange": "binance", "history_start": "2026-01-01"}
    account = Account(name, AccountSettings.model_validate(settings))
    names = account.environment
    os.environ |= {
        names.api_key: f"{DEMO_KEY}-{name}",
        names.api_secret: DEMO_SECRET,
        names.api_url: url,
    }
    answered: Counter[int] = Counter()
    rejected: Counter[str] = Counter()
    with open_client(client_config(account, "bench")) as client:
        client.disable_retries()

        async def work() -> None:
            while time.time() < until:
                try:
                    await client.request("privateGetMyTrades", {"symbol": "BTCUSDT", "limit": 1})
                    answered[int(time.time() // 60)] += 1
                except Exception as error:  # noqa: BLE001 - counted and shown
                    status = re.search(r"\b(429|418)\b", str(error))
                    rejected[status.group(0) if status else type(error).__name__] += 1

        try:
            client.run_all([work() for _ in range(AT_ONCE)])
        except ExchangeFailure as failure:
            rejected[failure.kind] += 1
    pipe.send((dict(answered), dict(rejected)))


if __name__ == "__main__":
    raise SystemExit(main())
