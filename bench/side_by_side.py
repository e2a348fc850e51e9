"""Three accounts of three exchanges take hardly longer than the slowest of them.

`uv run python bench/side_by_side.py` takes about ten minutes. Each measurement is a whole
`alphapulse sync --demo` of a project of its own, with its own database and simulator, whose rate
limits are on: first each account alone, then all together, with a process each.

* wall: all together, over the slowest account alone.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

EXCHANGES = ("bybit", "binance", "okx")
TARGET = 1.1
COMMAND = Path(sys.executable).with_name("alphapulse")


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--days", type=int, default=88)
    options = parser.parse_args()
    since = datetime.now(UTC).date() - timedelta(days=options.days)
    alone = {exchange: _measure((exchange,), since) for exchange in EXCHANGES}
    together = _measure(EXCHANGES, since)
    ratio = together / max(alone.values())
    for exchange, seconds in alone.items():
        print(f"{exchange:9} {seconds:.1f} s alone")
    print(f"wall      {ratio:.3f} (target {TARGET}): {together:.1f} s together")
    return 0 if ratio <= TARGET else 1


def _measure(exchanges: tuple[str, ...], since: object) -> float:
    # a short path, because a unix socket's may have about a hundred characters
    with tempfile.TemporaryDirectory(prefix="ap") as folder:
        project = Path(folder) / "project"
        for exchange in exchanges:
            account = project / "defs" / exchange
            account.mkdir(parents=True)
            (account / "defs.yaml").write_text(
                "type: alphapulse_pipeline.components.ExchangeAccount\n"
                f"attributes: {{exchange: {exchange}, history_start: {since}}}\n"
            )
        environment = {
            **os.environ,
            "ALPHAPULSE_PROJECT": str(project),
            "ALPHAPULSE_HOME": f"{folder}/home",
        }
        started = time.monotonic()
        subprocess.run(
            [COMMAND, "sync", "--demo"], env=environment, check=True, stdout=subprocess.DEVNULL
        )
        return time.monotonic() - started


if __name__ == "__main__":
    sys.exit(main())
