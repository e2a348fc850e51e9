"""A row that cannot be read breaks nothing but itself, and its time is never called complete."""

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from operator import itemgetter
from typing import Any, NamedTuple

import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.datasets import DATASETS
from alphapulse_pipeline.exchange.errors import ExchangeFailure
from alphapulse_pipeline.settings.accounts import Account
from alphapulse_pipeline.sync.histories import history, whole_history
from alphapulse_pipeline.sync.session import open_session
from alphapulse_pipeline.sync.snapshots import snapshot
from alphapulse_pipeline.warehouse.writer import write
from alphapulse_pipeline_tests.conftest import NOW_MS
from alphapulse_pipeline_tests.sync.truth import COLUMNS, stored, true
from exchange_simulator import Simulator

Make = Callable[..., Account]
DB = Connection[TupleRow]
REASON = "a row of that time could not be read (alphapulse.rejected)"


class Place(NamedTuple):
    """A list of an exchange, and the fields of its rows."""

    exchange: str
    dataset: str
    path: str
    time: str
    amount: str
    name: str
    """A market or an asset."""


PLACES = {
    "windows": Place("okx", "transfers", "/api/v5/asset/deposit-history", "ts", "amt", "ccy"),
    "cursor": Place("bybit", "trades", "/v5/execution/list", "execTime", "execQty", "symbol"),
    "counted": Place("kraken", "trades", "/0/private/TradesHistory", "time", "vol", "pair"),
    "ids": Place("binance", "trades", "/api/v3/myTrades", "time", "qty", "symbol"),
}
PATH = PLACES["cursor"].path
POISONS = [
    ("amount", "missing"),
    ("amount", "endless"),
    ("name", "nul"),
    ("name", "surrogate"),
    ("name", "control"),
    ("name", "number"),
    ("amount", "nested"),
]


def sync(account: Account, url: str, dataset: str, simulator: Simulator) -> int:
    """Fill the gaps of a history. Returns how many requests its own list got."""
    simulator.requests.clear()
    with open_session(account, url, "test") as session:
        batches = history(session, dataset, whole_history(session), fill=True)
        write(session.connection, batches, "test")
    return len(simulator.requests)


def gaps(db: DB) -> list[tuple[datetime, datetime, str]]:
    return db.execute(
        "SELECT lower(gap), upper(gap), reason FROM alphapulse.coverage_gaps ORDER BY 1"
    ).fetchall()


def times(rows: Any, dataset: str) -> list[datetime]:
    place = COLUMNS[dataset].index(DATASETS[dataset].time)
    return sorted(row[place] for row in rows)


def poisoned(simulator: Simulator, place: Place, poisons: list[tuple[str, str]]) -> Any:
    """Poison one row with each; returns (all rows, those that are poisoned)."""
    truth = simulator.truth(NOW_MS, exchange=place.exchange) | {"exchange": place.exchange}
    every = true(truth, place.dataset)
    id_column = COLUMNS[place.dataset].index(DATASETS[place.dataset].id)  # type: ignore[attr-defined]
    time = COLUMNS[place.dataset].index(DATASETS[place.dataset].time)
    ids = Counter(row[id_column] for row in every)
    candidates = [row for row in every if _is_listed(place, row) and ids[row[id_column]] == 1]
    candidates.sort(key=lambda row: row[time])
    step = max(1, len(candidates) // (len(poisons) + 1))
    chosen = candidates[step // 2 :: step][: len(poisons)]
    assert len(chosen) == len(poisons)
    faults = [
        f"poison={row[id_column]}/{getattr(place, field)}={poison}:{place.path}"
        for row, (field, poison) in zip(chosen, poisons, strict=True)
    ]
    simulator.set_faults(*faults)
    return every, set(chosen)


def _is_listed(place: Place, row: tuple[Any, ...]) -> bool:
    values = dict(zip(COLUMNS[place.dataset], row, strict=True))
    if place.dataset == "transfers":
        return bool(values["kind"] == "deposit")
    return place.exchange != "binance" or values["wallet"] == "spot"


@pytest.mark.parametrize("paging", PLACES)
def test_each_poison_rejects_its_row_alone(
    paging: str, simulator: Simulator, make_account: Make, database: str, db: DB
) -> None:
    place = PLACES[paging]
    account = make_account(simulator.url, place.exchange, exchange=place.exchange)
    # an asset may be called by a number
    poisons = [p for p in POISONS if place.name != "ccy" or p[1] != "number"]
    every, chosen = poisoned(simulator, place, poisons)
    sync(account, database, place.dataset, simulator)
    assert stored(db, place.dataset, account.name) == every - chosen
    rejected = db.execute(
        "SELECT happened_at, reason, raw, first_seen, last_seen FROM alphapulse.rejected ORDER BY 1"
    ).fetchall()
    assert [row[0] for row in rejected] == times(chosen, place.dataset)
    assert all(row[1] and row[2].isprintable() and len(row[2]) <= 4000 for row in rejected)
    moments = sorted(set(times(chosen, place.dataset)))
    millisecond = timedelta(milliseconds=1)
    assert gaps(db) == [(moment, moment + millisecond, REASON) for moment in moments]

    # again: the same rows, once, at the cost of their own gaps
    requests = sync(account, database, place.dataset, simulator)
    assert requests <= 12 * len(chosen)
    assert db.execute("SELECT count(*) FROM alphapulse.rejected").fetchone() == (len(chosen),)
    assert [start for start, _, _ in gaps(db)] == moments
    assert stored(db, place.dataset, account.name) == every - chosen

    # the exchange has corrected them
    simulator.set_faults()
    simulator.set_clock(lambda: NOW_MS + 5_000)  # later than the last moment of the run before
    sync(account, database, place.dataset, simulator)
    assert stored(db, place.dataset, account.name) == every
    assert db.execute("SELECT count(*) FROM alphapulse.rejected").fetchone() == (0,)
    assert gaps(db) == []


@pytest.mark.parametrize("apart", [False, True], ids=["together", "apart"])
def test_different_rows_with_one_id_are_rejected_and_no_other(
    apart: bool, simulator: Simulator, make_account: Make, database: str, db: DB
) -> None:
    """Of two fills with one id, one would overwrite the other: no time of theirs is covered,
    whether they are stored together or in different runs."""
    account = make_account(simulator.url)
    every = true(simulator.truth(NOW_MS), "trades")
    name, market, side, time = (
        COLUMNS["trades"].index(column) for column in ("trade_id", "market", "side", "executed_at")
    )
    ordered = sorted(every, key=lambda row: (row[market], row[side], row[time]))
    key_of = itemgetter(market, side)
    pairs = [
        (one, two)
        for one, two in (
            (
                ordered[0],
                next(row for row in reversed(ordered) if key_of(row) == key_of(ordered[0])),
            ),
            *pairwise(ordered),
        )
        if key_of(one) == key_of(two)
        and two[time] - one[time] > timedelta(milliseconds=1)  # two gaps, not one
    ]
    chosen = pairs[0] if apart else min(pairs, key=lambda pair: pair[1][time] - pair[0][time])
    simulator.set_faults(*(f"poison={row[name]}/execId=number:{PATH}" for row in chosen))
    millisecond = timedelta(milliseconds=1)
    moments = times({*chosen}, "trades")
    for _ in range(3):
        sync(account, database, "trades", simulator)
        kept = stored(db, "trades", account.name)
        assert every - kept == {*chosen}
        # pages may be stored one by one: then one of the two is stored
        assert {row[name] for row in kept - every} <= {"12345"}
        found = db.execute("SELECT reason, happened_at FROM alphapulse.rejected ORDER BY 2")
        reasons, rejected = zip(*found.fetchall(), strict=True)
        assert {*rejected} <= {*moments}
        for reason in reasons:
            assert "returned different rows with the same key" in reason
            assert "trade_id 12345" in reason
        assert gaps(db) == [(moment, moment + millisecond, REASON) for moment in moments]
    simulator.set_faults()
    simulator.set_clock(lambda: NOW_MS + 5_000)
    sync(account, database, "trades", simulator)
    assert every <= stored(db, "trades", account.name)
    assert gaps(db) == []


def test_a_row_whose_time_the_exchange_corrects_is_read_at_both_times(
    simulator: Simulator, make_account: Make, database: str, db: DB
) -> None:
    account = make_account(simulator.url)
    every = true(simulator.truth(NOW_MS), "trades")
    sync(account, database, "trades", simulator)
    before, after = (
        db.execute(
            "SELECT executed_at - interval '1 day', executed_at FROM alphapulse.trades"
            " ORDER BY executed_at DESC OFFSET 20 LIMIT 1"
        ).fetchone()
        or ()
    )
    moved = "executed_at = %s - interval '1 day' WHERE executed_at = %s"
    db.execute(f"UPDATE alphapulse.trades SET {moved}", [after, after])
    again = "covered = covered - tstzmultirange(tstzrange(%s, %s + interval '1 millisecond'))"
    db.execute(f"UPDATE alphapulse.coverage SET {again}", [after, after])
    simulator.set_clock(lambda: NOW_MS + 5_000)
    sync(account, database, "trades", simulator)
    assert stored(db, "trades", account.name) == every
    assert {start for start, *_ in gaps(db)} == {before, after}
    simulator.set_clock(lambda: NOW_MS + 10_000)
    sync(account, database, "trades", simulator)
    assert stored(db, "trades", account.name) == every
    assert gaps(db) == []
    assert db.execute("SELECT count(*) FROM alphapulse.rejected").fetchone() == (0,)


@pytest.mark.parametrize("paging", PLACES)
@pytest.mark.parametrize("poison", ["missing", "far"])
def test_a_row_without_its_time_leaves_open_what_it_was_returned_for(
    paging: str, poison: str, simulator: Simulator, make_account: Make, database: str, db: DB
) -> None:
    place = PLACES[paging]
    account = make_account(simulator.url, place.exchange, exchange=place.exchange)
    every, chosen = poisoned(simulator, place, [("time", poison)])
    [time] = times(chosen, place.dataset)
    for _ in range(2):
        sync(account, database, place.dataset, simulator)
        assert stored(db, place.dataset, account.name) == every - chosen
        [(happened_at,)] = db.execute("SELECT happened_at FROM alphapulse.rejected").fetchall()
        assert happened_at is None
        found = gaps(db)
        assert any(start <= time < end for start, end, _ in found)
        assert {reason for *_, reason in found} == {REASON}
    simulator.set_faults()
    simulator.set_clock(lambda: NOW_MS + 5_000)  # later than the last moment of the run before
    sync(account, database, place.dataset, simulator)
    assert stored(db, place.dataset, account.name) == every
    assert db.execute("SELECT count(*) FROM alphapulse.rejected").fetchone() == (0,)
    assert gaps(db) == []


def test_a_new_format_is_no_rejected_row(
    simulator: Simulator, make_account: Make, database: str, db: DB
) -> None:
    """Where all rows are unreadable the stream fails, so that a run is not green without them."""
    account = make_account(simulator.url)
    simulator.set_faults("missing=execQty:/v5/execution/list")
    with pytest.raises(Exception, match="has no execQty"):
        sync(account, database, "trades", simulator)
    assert stored(db, "trades", account.name) == set()
    now = datetime.fromtimestamp(NOW_MS / 1000, UTC)
    assert all(
        reason != REASON or end - start < timedelta(days=2) for start, end, reason in gaps(db)
    )
    assert any(end - start > timedelta(days=6) for start, end, _ in gaps(db)), now


def outcome(account: Account, url: str, dataset: str) -> str:
    """The failure of a snapshot, or ''."""
    with open_session(account, url, "test") as session:
        try:
            write(session.connection, snapshot(session, dataset), "test")
        except ExchangeFailure as failure:
            return str(failure)
    return ""


@pytest.mark.parametrize(
    ("dataset", "field", "path"),
    [
        ("balances", "locked=missing", "/v5/account/wallet-balance"),
        ("positions", "size=missing", "/v5/position/list"),
        ("positions", "symbol=control", "/v5/position/list"),
    ],
)
def test_a_snapshot_with_an_unreadable_row_is_not_taken_and_names_it(
    dataset: str,
    field: str,
    path: str,
    simulator: Simulator,
    make_account: Make,
    database: str,
    db: DB,
) -> None:
    """What a snapshot does not list counts as zero."""
    account = make_account(simulator.url)
    assert outcome(account, database, dataset) == ""
    before = stored(db, dataset, "bybit")
    row = "BTC"
    if dataset == "positions":
        row = next(m for m, *_ in before if m.endswith(":USDT")).partition(":")[0].replace("/", "")
    simulator.set_faults(f"poison={row}/{field}:{path}")
    for _ in range(2):
        failure = outcome(account, database, dataset)
        assert "could not be read" in failure
        assert "attach the row from the table alphapulse.rejected" in failure
        assert stored(db, dataset, "bybit") == before
        [(raw,)] = db.execute("SELECT raw FROM alphapulse.rejected").fetchall()
        assert row in raw or "u001b" in raw
    simulator.set_faults()
    assert outcome(account, database, dataset) == ""
    assert db.execute("SELECT count(*) FROM alphapulse.rejected").fetchone() == (0,)


def test_a_snapshot_with_two_balances_of_one_asset_is_not_taken_and_names_them(
    simulator: Simulator, make_account: Make, database: str, db: DB
) -> None:
    account = make_account(simulator.url)
    simulator.set_faults("repeated=coin:/v5/account/wallet-balance")
    failure = outcome(account, database, "balances")
    assert "returned different balances with the same key: wallet unified, asset " in failure
    assert stored(db, "balances", "bybit") == set()
    found = db.execute("SELECT count(DISTINCT raw) > 1 FROM alphapulse.rejected").fetchone()
    assert found == (True,)


@pytest.mark.parametrize("field", ["lastPrice=endless", "lastPrice=missing", "bid1Price=number"])
def test_an_unreadable_ticker_leaves_out_its_own_price(
    field: str, simulator: Simulator, make_account: Make, database: str, db: DB
) -> None:
    account = make_account(simulator.url)
    for dataset in ("balances", "positions", "prices"):
        assert outcome(account, database, dataset) == ""
    before = db.execute("SELECT market FROM alphapulse.prices_latest").fetchall()
    simulator.set_faults(f"poison=ETHUSDT/{field}:/v5/market/tickers")
    assert outcome(account, database, "prices") == ""
    left = db.execute("SELECT market FROM alphapulse.prices_latest").fetchall()
    if field == "bid1Price=number":  # a number is as good as a text of it
        assert left == before
        return
    assert {row[0] for row in before} - {row[0] for row in left} == {"ETH/USDT", "ETH/USDT:USDT"}
    rows = db.execute("SELECT stream, raw FROM alphapulse.rejected").fetchall()
    assert len(rows) == 2
    assert all("ETHUSDT" in raw for _, raw in rows)
    simulator.set_faults()
    assert outcome(account, database, "prices") == ""
    assert db.execute("SELECT market FROM alphapulse.prices_latest").fetchall() == before
    assert db.execute("SELECT count(*) FROM alphapulse.rejected").fetchone() == (0,)


def test_an_unreadable_open_order_stops_no_other_and_is_named(
    simulator: Simulator, make_account: Make, database: str, db: DB
) -> None:
    account = make_account(simulator.url)
    every = true(simulator.truth(NOW_MS), "orders")
    status = COLUMNS["orders"].index("status")
    poisoned_order = min(row for row in every if row[status] == "open")
    simulator.set_faults(f"poison={poisoned_order[1]}/qty=missing:/v5/order/realtime")
    for _ in range(2):
        with pytest.raises(ExchangeFailure, match=r"open orders: a row could not be read: .* qty"):
            sync(account, database, "orders", simulator)
        assert stored(db, "orders", "bybit") == every - {poisoned_order}
        rows = db.execute("SELECT stream, raw FROM alphapulse.rejected ORDER BY 1").fetchall()
        # once it has ended, the history is read at its time
        assert {stream for stream, _ in rows} >= {"linear", "open orders"}
        assert all(poisoned_order[1] in raw for _, raw in rows)
        assert not is_covered(db, poisoned_order)
    simulator.set_faults()
    sync(account, database, "orders", simulator)
    assert stored(db, "orders", "bybit") == every
    assert db.execute("SELECT count(*) FROM alphapulse.rejected").fetchone() == (0,)
    assert is_covered(db, poisoned_order)


def is_covered(db: DB, order: tuple[Any, ...]) -> bool:
    """Whether the time at which an order was placed counts as complete."""
    found = db.execute(
        "SELECT covered @> %s::timestamptz FROM alphapulse.coverage"
        " WHERE dataset = 'orders' AND stream = 'linear'",
        [order[COLUMNS["orders"].index("created_at")]],
    ).fetchone()
    return found == (True,)
