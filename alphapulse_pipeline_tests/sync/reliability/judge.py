"""What is wrong with the tables, by the simulator's own books. Nothing may be."""

import re
from collections.abc import Collection, Iterable
from dataclasses import astuple, dataclass
from decimal import Decimal
from typing import Any

from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.datasets import DATASETS, SNAPSHOTS
from alphapulse_pipeline.exchange.feed import to_time
from alphapulse_pipeline_tests.sync.reliability.scene import Scene
from alphapulse_pipeline_tests.sync.truth import COLUMNS, stored, true, true_candles
from exchange_simulator import DEMO_KEY, DEMO_PASSPHRASE, DEMO_SECRET

Rows = set[tuple[Any, ...]]

_PRICES = ["market", "last", "bid", "ask"]
_SIGNED = re.compile(r"(?i)(x-bapi-sign|api-sign|ok-access-sign|signature)['\"]?\s*[=:]\s*['\"]?\w")


@dataclass
class Harm:
    """What a bad day must not do, counted."""

    lost: int = 0
    """Rows of the truth that are in no table once the fault is over and one more sync was done."""
    false: int = 0
    """Rows that are stored and are not the truth: a second time, or with another value."""
    emptied: int = 0
    """Newest snapshots that lack something that is there."""
    claimed: int = 0
    """Rows that are not stored although their time is said to be complete."""
    secrets: int = 0
    """Lines of tables and logs with a key, a secret, a passphrase or a signature in them."""

    def __add__(self, other: "Harm") -> "Harm":
        return Harm(*(a + b for a, b in zip(astuple(self), astuple(other), strict=True)))

    def __bool__(self) -> bool:
        return any(astuple(self))


def assert_true(scene: Scene, dataset: str, found: Rows) -> None:
    """What syncs have found in the end is the truth of the clock's time."""
    truth = scene.truth(scene.clock.now)
    if dataset == "prices":
        reported = {
            (row["market"], name, Decimal(row[name]))
            for row in truth[dataset]
            for name in _PRICES[1:]
        }
        for market, *values in found:
            for name, value in zip(_PRICES[1:], values, strict=True):
                # Binance's futures tell no bid and no ask with their last prices
                assert value is None or (market, name, value) in reported, market
        return
    if dataset == "candles":
        markets, now = {row[0] for row in found}, to_time(scene.clock.now)
        world = scene.simulator.world.on(scene.exchange)
        assert found == true_candles(world, markets, scene.history_start, now)
        assert markets
        return
    wanted = true(truth, dataset)
    assert wanted <= found, dataset
    if dataset == "orders":
        # what ended without a fill is forgotten after a while, and stays as it was read; when it
        # ended may be known no more
        forgotten = {row["order_id"] for row in scene.truth(scene.clock.now, expired=True)[dataset]}
        found = {row for row in found - wanted if row[1] not in forgotten} | wanted
    assert found == wanted, dataset


def found_in(db: Connection[TupleRow], scene: Scene, dataset: str) -> Rows:
    """What the database says."""
    if dataset != "prices":
        return stored(db, dataset, scene.exchange)
    rows = db.execute("SELECT market, last, bid, ask FROM alphapulse.prices_latest").fetchall()
    return set(rows)


def harm_meanwhile(
    db: Connection[TupleRow], scene: Scene, dataset: str, before: Rows, after: Rows
) -> Harm:
    """What a sync under a fault has done. `before` and `after`: what the table was, and what a sync
    without the fault makes of it: anything in between is good of a history, nothing of a snapshot.
    """
    found = _comparable(dataset, found_in(db, scene, dataset), before | after)
    if dataset in SNAPSHOTS:
        lacking = found != before and not _keys(dataset, after) <= _keys(dataset, found)
        return Harm(false=len(found - before - after), emptied=int(lacking))
    known = _keys(dataset, found)
    missing = {row for row in after - found if _key(dataset, row) not in known}
    return Harm(
        false=len(found - before - after), claimed=len(_claimed(db, scene, dataset, missing))
    )


def harm_at_last(db: Connection[TupleRow], scene: Scene, dataset: str, after: Rows) -> Harm:
    """What is wrong once a sync without a fault was done."""
    found = _comparable(dataset, found_in(db, scene, dataset), after)
    return Harm(lost=len(after - found), false=len(found - after))


def _comparable(dataset: str, found: Rows, expected: Rows) -> Rows:
    """Without prices of other markets: the positions in the table decide which markets are priced,
    and a different cell has read them."""
    if dataset != "prices":
        return found
    keys = _keys(dataset, expected)
    return {row for row in found if _key(dataset, row) in keys}


def leaked_secrets(db: Connection[TupleRow], tables: Collection[str], lines: Iterable[str]) -> int:
    """How many rows of tables, and lines that were logged, tell a secret."""
    rows = [
        str(row[0])
        for table in tables
        for row in db.execute(f"SELECT t::text FROM alphapulse.{table} AS t".encode()).fetchall()
    ]
    return sum(1 for line in (*rows, *lines) if _is_secret(line))


def _is_secret(line: str) -> bool:
    known = (DEMO_KEY, DEMO_SECRET, DEMO_PASSPHRASE)
    return any(secret in line for secret in known) or bool(_SIGNED.search(line))


def _keys(dataset: str, rows: Rows) -> set[tuple[Any, ...]]:
    return {_key(dataset, row) for row in rows}


def _key(dataset: str, row: tuple[Any, ...]) -> tuple[Any, ...]:
    columns = _PRICES if dataset == "prices" else COLUMNS[dataset]
    return tuple(row[columns.index(name)] for name in DATASETS[dataset].key if name in columns)


def _claimed(
    db: Connection[TupleRow], scene: Scene, dataset: str, missing: Collection[tuple[Any, ...]]
) -> list[tuple[Any, ...]]:
    """Those of `missing` whose time every stream that they may be of says to be complete."""
    if not missing:
        return []
    ranges: dict[str, list[Any]] = dict(
        db.execute(
            "SELECT stream, array_agg(times) FROM alphapulse.coverage, unnest(covered) AS times"
            " WHERE dataset = %s GROUP BY stream",
            [dataset],
        ).fetchall()
    )
    kinds: dict[Any, str] = dict(
        db.execute(
            "SELECT market, CASE WHEN type IN ('swap', 'future') THEN type || ' ' ||"
            " CASE WHEN settle = base THEN 'inverse' ELSE 'linear' END ELSE type END"
            " FROM alphapulse.markets"
        ).fetchall()
    )
    place = COLUMNS[dataset].index(DATASETS[dataset].time)
    found = []
    for row in missing:
        reported = dict(zip(COLUMNS[dataset], row, strict=True))
        streams = (
            [f"spot {reported['market']}"]
            if dataset == "candles"
            else _STREAMS[scene.exchange](
                dataset, reported, str(kinds.get(reported.get("market"), ""))
            )
        )
        if all(any(row[place] in times for times in ranges.get(s, ())) for s in streams):
            found.append(row)
    return found


def _bybit(dataset: str, row: dict[str, Any], kind: str) -> list[str]:
    if dataset == "transfers":
        return [f"{row['kind']}s"]
    return ["unified"] if dataset == "ledger" else [kind.rpartition(" ")[2]]


def _binance(dataset: str, row: dict[str, Any], kind: str) -> list[str]:
    if dataset == "transfers":
        moved = row["kind"] == "transfer"
        return [f"{row['from_wallet']} to {row['to_wallet']}" if moved else f"{row['kind']}s"]
    if dataset not in ("trades", "orders"):
        return [row["wallet"]]
    conditional = " conditional" if str(row.get("order_id")).startswith("algo-") else ""
    return [f"{row['wallet']}{conditional} {row['market']}"]


def _okx(dataset: str, row: dict[str, Any], kind: str) -> list[str]:
    if dataset == "transfers":
        moved = row["kind"] == "transfer"
        source = "from trading" if row["from_wallet"] == "trading" else "to trading"
        return [source if moved else f"{row['kind']}s"]
    if dataset == "ledger":
        return [row["wallet"]]
    names = {"spot": ["spot", "margin"], "swap": ["swap"], "future": ["futures"]}
    streams = names.get(kind.partition(" ")[0], ["option"])
    if dataset == "orders" and row["status"] == "canceled" and not row["filled"]:
        return [f"{stream} unfilled" for stream in streams]
    return streams


def _kraken(dataset: str, row: dict[str, Any], kind: str) -> list[str]:
    return [f"{row['kind']}s"] if dataset == "transfers" else [dataset]


_STREAMS = {"bybit": _bybit, "binance": _binance, "okx": _okx, "kraken": _kraken}
