"""An exchange without a venue of its own, read through ccxt: HollaEx's protocol, over real HTTP.

Its fills have no ids; its pages are newest first and shorter than ccxt's limit.
"""

import itertools
import json
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.exchange.errors import ExchangeFailure, Kind
from alphapulse_pipeline.exchange.venues import Wallet
from alphapulse_pipeline.settings.accounts import Account
from alphapulse_pipeline.sync.histories import history, whole_history
from alphapulse_pipeline.sync.session import open_session
from alphapulse_pipeline.sync.snapshots import snapshot
from alphapulse_pipeline.warehouse.writer import write
from alphapulse_pipeline_tests.exchange.servers import Reply, replying

Make = Callable[..., Account]
CAP = 20
"""ccxt says 100."""
TODAY = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
START = TODAY - timedelta(days=4)


def stamp(time: datetime) -> str:
    return f"{time:%Y-%m-%dT%H:%M:%S}.{time.microsecond // 1000:03}Z"


@dataclass
class Hollaex:
    """The exchange's state of one account."""

    fills: list[dict[str, Any]]
    pairs: dict[str, tuple[str, str]] = field(
        default_factory=lambda: {
            "btc-usdt": ("btc", "usdt"),
            "luna-usdt": ("luna", "usdt"),
            "ustusdt": ("ust", "usdt"),
        }
    )
    """Names of listed pairs -> base, quote."""
    orders: list[dict[str, Any]] = field(default_factory=list)
    poison: dict[str, dict[str, Any]] = field(default_factory=dict)
    """The id of an order -> what its row, or that of its fill, says instead."""
    broken: Reply | None = None
    closes: dict[datetime, str] = field(default_factory=dict)
    """When a day of btc-usdt began -> its close; days without trades have none."""
    asked: list[str] = field(default_factory=list)

    def reply(self, path: str) -> Reply:
        parts = urlsplit(path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        self.asked.append(parts.path)
        match parts.path.removeprefix("/v2"):
            case "/constants":
                return _json({"coins": {}, "pairs": self._listing()})
            case "/chart":
                return self.broken or _json(self._chart(query))
            case "/user/trades":
                return self.broken or _json(self._page(query))
            case "/orders":
                return _json({"data": self._orders(query)})
            case "/order":
                known = [o for o in self.orders if o["id"] == query["order_id"]]
                return _json(known[0]) if known else Reply(b'{"message": "Order not found"}', 404)
            case "/user/balance":
                apart = {"btc_balance": "7"} if query.get("kind") == "apart" else {}
                amounts = {
                    "btc_balance": "1.5",
                    "btc_available": "1",
                    "usdt_balance": "0.1",
                    **apart,
                }
                return _json({"user_id": 1, **amounts, "usdt_available": "0.1"})
            case "/tickers":
                prices = {"last": "70000.1", "close": "70000.1", "symbol": "btc-usdt"}
                return _json({"btc-usdt": {**prices, "time": stamp(TODAY)}})
            case _:
                return Reply(b'{"message": "no such page"}', 404)

    def _chart(self, query: dict[str, str]) -> list[dict[str, Any]]:
        """The newest candles of a window in seconds, both ends included."""
        first, last = (datetime.fromtimestamp(int(query[end]), UTC) for end in ("from", "to"))
        assert (query["symbol"], query["resolution"]) == ("btc-usdt", "1d")
        days = sorted(day for day in self.closes if first <= day <= last)
        return [
            {"symbol": "btc-usdt", "time": stamp(day), "close": self.closes[day], "volume": 1.5}
            for day in days[-2 * CAP :]
        ]

    def _orders(self, query: dict[str, str]) -> list[dict[str, Any]]:
        """Those that are open; or those of a window, by when they changed."""
        if "open" in query:
            return [order for order in self.orders if order["status"] == "new"]
        first, last = query["start_date"], query["end_date"]
        inside = [order for order in self.orders if first <= order["updated_at"] <= last]
        newest = sorted(inside, key=lambda order: str(order["updated_at"]), reverse=True)
        return [order | self.poison.get(order["id"], {}) for order in newest[:CAP]]

    def _listing(self) -> dict[str, Any]:
        rest = {"active": True, "increment_size": 0.0001, "increment_price": 0.1}
        return {
            name: {"name": name, "pair_base": base, "pair_2": quote, **rest}
            for name, (base, quote) in self.pairs.items()
        }

    def _page(self, query: dict[str, str]) -> dict[str, Any]:
        first, last = query.get("start_date", ""), query.get("end_date", "9")
        inside = [fill for fill in self.fills if first <= fill["timestamp"] <= last]
        inside.sort(key=lambda fill: fill["timestamp"], reverse=True)
        rows = [fill | self.poison.get(fill["order_id"], {}) for fill in inside[:CAP]]
        return {"count": len(inside), "data": rows}


def _json(content: Any) -> Reply:
    return Reply(json.dumps(content).encode(), headers={"Content-Type": "application/json"})


def fills(seed: int, count: int) -> list[dict[str, Any]]:
    """Bursts, ties of a millisecond, a quiet day, all since `START`."""
    rng = random.Random(seed)
    numbers = itertools.count(1)
    times: list[datetime] = []
    while len(times) < count:
        moment = START + timedelta(milliseconds=rng.randrange(1, 3 * 86_400_000))
        if not (TODAY - timedelta(days=3) <= moment < TODAY - timedelta(days=2)):
            times += [moment] * rng.choice((1, 1, 1, 4))
            times += [moment + timedelta(milliseconds=step) for step in range(rng.choice((0, 30)))]
    return [
        {
            "side": rng.choice(("buy", "sell")),
            "symbol": rng.choice(("btc-usdt", "luna-usdt", "ustusdt")),
            "size": f"0.{rng.randrange(1, 10**9):09}",
            "price": "70000.123456789012345678",
            "timestamp": stamp(time),
            "order_id": f"order-{next(numbers)}",
            "fee": "0.00000001",
            "fee_coin": "usdt",
        }
        for time in times[:count]
    ]


@contextmanager
def serving(exchange: Hollaex) -> Iterator[str]:
    with replying(exchange.reply) as url:
        yield url


@pytest.fixture
def exchange() -> Hollaex:
    return Hollaex(fills(seed=5, count=300))


@pytest.fixture
def account(exchange: Hollaex, make_account: Make) -> Iterator[Account]:
    with serving(exchange) as url:
        yield make_account(
            url,
            "hollaex",
            exchange="hollaex",
            history_start=START.date(),
            options={},
            allow_unknown_rights=True,
        )


def sync(account: Account, url: str, dataset: str = "trades", *, fill: bool = True) -> None:
    with open_session(account, url, "test") as session:
        session.client.ccxt.enableRateLimit = False  # the server has none
        batches = history(session, dataset, whole_history(session), fill=fill)
        write(session.connection, batches, "test")


def stored(db: Connection[TupleRow]) -> list[tuple[Any, ...]]:
    return db.execute(
        "SELECT market, order_id, side, amount::text, price::text, fee_cost::text, fee_currency"
        " FROM alphapulse.trades ORDER BY order_id"
    ).fetchall()


NAMES = {"btc-usdt": "BTC/USDT", "luna-usdt": "LUNA/USDT", "ustusdt": "UST/USDT"}


def truth(exchange: Hollaex) -> list[tuple[Any, ...]]:
    return sorted(
        (
            (NAMES[f["symbol"]], f["order_id"], f["side"], f["size"], f["price"], f["fee"], "USDT")
            for f in exchange.fills
        ),
        key=lambda row: str(row[1]),
    )


def test_every_fill_is_there_once_and_exact(
    exchange: Hollaex, account: Account, database: str, db: Connection[TupleRow]
) -> None:
    sync(account, database)
    assert stored(db) == truth(exchange)
    assert db.execute(
        "SELECT count(DISTINCT trade_id) = count(*), min(length(trade_id)) FROM alphapulse.trades"
    ).fetchone() == (True, 32)
    assert db.execute("SELECT * FROM alphapulse.coverage_gaps").fetchall() == []
    sync(account, database, fill=False)
    assert stored(db) == truth(exchange)


def test_a_key_is_refused_unless_the_account_accepts_that_its_permissions_are_unknown(
    exchange: Hollaex, account: Account, database: str, db: Connection[TupleRow]
) -> None:
    settings = account.settings.model_copy(update={"allow_unknown_rights": False})
    with pytest.raises(ExchangeFailure) as raised:
        sync(replace(account, settings=settings), database)
    assert raised.value.kind is Kind.CREDENTIALS
    assert "does not report what the key in HOLLAEX_API_KEY may do" in raised.value.problem
    assert "set allow_unknown_rights: true in the defs.yaml of hollaex" in raised.value.fix
    assert stored(db) == []
    assert exchange.asked == []


def test_a_market_that_is_delisted_between_two_syncs_does_not_double_its_fills(
    exchange: Hollaex, account: Account, database: str, db: Connection[TupleRow]
) -> None:
    sync(account, database)
    before = stored(db)
    del exchange.pairs["luna-usdt"], exchange.pairs["ustusdt"]
    db.execute("DELETE FROM alphapulse.market_catalogues")
    sync(account, database, fill=False)
    assert stored(db) == before
    assert db.execute(
        "SELECT market, active FROM alphapulse.markets ORDER BY market"
    ).fetchall() == [("BTC/USDT", True), ("LUNA/USDT", False), ("UST/USDT", False)]


@pytest.mark.usefixtures("single_attempt")
@pytest.mark.parametrize(
    "broken",
    [
        Reply(b"<html>maintenance</html>"),
        Reply(b""),
        Reply(b'{"message": "Invalid signature"}', 401),
        Reply(b'{"message": "too many"}', 429),
        Reply(b'{"data": [{"side": "buy", "symbol": "btc-usdt"}, {"symbol": "btc-usdt"}]}'),
        Reply(b'{"data": [', cut=20),
    ],
    ids=["html", "empty", "refused", "throttled", "without times", "cut off"],
)
def test_an_error_is_never_no_rows(
    exchange: Hollaex,
    account: Account,
    database: str,
    db: Connection[TupleRow],
    covered: Callable[[], list[Any]],
    broken: Reply,
) -> None:
    exchange.broken = broken
    with pytest.raises(ExchangeFailure):
        sync(account, database)
    assert stored(db) == []
    assert covered() == []


def rejected(db: Connection[TupleRow]) -> list[tuple[str, str]]:
    return db.execute("SELECT reason, raw FROM alphapulse.rejected").fetchall()


@pytest.mark.parametrize(
    "poison",
    [
        {"size": "1e999999999"},
        {"symbol": ["btc-usdt"]},
        {"symbol": "btc\0usdt"},
        {"timestamp": None},
    ],
    ids=["endless", "no market", "nul", "no time"],
)
def test_a_fill_that_ccxt_cannot_parse_is_rejected_and_no_other(
    exchange: Hollaex,
    account: Account,
    database: str,
    db: Connection[TupleRow],
    poison: dict[str, Any],
) -> None:
    every = truth(exchange)
    fill = exchange.fills[100]
    exchange.poison[fill["order_id"]] = poison
    for _ in range(2):
        sync(account, database)
        assert stored(db) == [row for row in every if row[1] != fill["order_id"]]
        [(reason, raw)] = rejected(db)
        assert "fetch_my_trades" in reason
        assert fill["order_id"] in raw
        gaps = db.execute("SELECT lower(gap), upper(gap) FROM alphapulse.coverage_gaps").fetchall()
        time = datetime.fromisoformat(fill["timestamp"])
        assert any(start <= time < end for start, end in gaps)
        assert sum((end - start for start, end in gaps), timedelta()) <= timedelta(days=1)
    exchange.poison.clear()
    sync(account, database)
    assert stored(db) == every
    assert rejected(db) == []


def test_an_empty_page_proves_nothing_without_older_rows(
    exchange: Hollaex, account: Account, database: str, db: Connection[TupleRow]
) -> None:
    oldest = min(fill["timestamp"] for fill in exchange.fills)
    sync(account, database)
    row = db.execute(
        "SELECT lower(covered), lower(unreachable), upper(unreachable) FROM alphapulse.coverage"
    ).fetchone()
    served = datetime.fromisoformat(oldest)
    assert row == (served, START, served)


@pytest.mark.parametrize("kept", [True, False])
def test_a_quiet_gap_between_rows_is_only_covered_if_older_rows_are_still_served(
    exchange: Hollaex, account: Account, database: str, db: Connection[TupleRow], kept: bool
) -> None:
    times = sorted(datetime.fromisoformat(fill["timestamp"]) for fill in exchange.fills)
    before, after = max(itertools.pairwise(times), key=lambda pair: pair[1] - pair[0])
    quiet = (before + timedelta(seconds=1), after - timedelta(seconds=1))
    sync(account, database)
    db.execute(
        "UPDATE alphapulse.coverage SET covered = covered - tstzmultirange(tstzrange(%s, %s))",
        quiet,
    )
    if not kept:
        exchange.fills = [fill for fill in exchange.fills if fill["timestamp"] >= stamp(after)]
    sync(account, database)
    row = db.execute(
        "SELECT covered @> tstzrange(%s, %s), unreachable @> tstzrange(%s, %s)"
        " FROM alphapulse.coverage",
        [*quiet, *quiet],
    ).fetchone()
    assert row == (kept, not kept)


@pytest.mark.parametrize("kept", [True, False])
def test_a_downtime_is_only_covered_if_older_rows_are_still_served(
    exchange: Hollaex, account: Account, database: str, db: Connection[TupleRow], kept: bool
) -> None:
    stopped = TODAY - timedelta(days=1, hours=6)
    back, again = TODAY - timedelta(hours=2), TODAY - timedelta(hours=1)
    exchange.fills = [f for f in exchange.fills if f["timestamp"] < stamp(stopped)]
    last = datetime.fromisoformat(max(fill["timestamp"] for fill in exchange.fills))
    sync(account, database)
    db.execute(
        "UPDATE alphapulse.coverage"
        " SET covered = covered * tstzmultirange(tstzrange(NULL, %s)), newest_row = %s",
        [stopped, last],
    )
    new = {**exchange.fills[0], "timestamp": stamp(again)}
    exchange.fills = [*(exchange.fills if kept else []), new]
    sync(account, database)
    covered, unreachable = db.execute(
        "SELECT covered @> tstzrange(%s, %s), unreachable @> tstzrange(%s, %s)"
        " FROM alphapulse.coverage",
        [stopped, back, stopped, back],
    ).fetchall()[0]
    assert (covered, unreachable) == (kept, not kept)


def test_snapshots_are_what_ccxt_parses(
    account: Account, database: str, db: Connection[TupleRow]
) -> None:
    with open_session(account, database, "test") as session:
        for dataset in ("balances", "prices"):
            write(session.connection, snapshot(session, dataset), "test")
    assert db.execute(
        "SELECT wallet, asset, free::text, total::text FROM alphapulse.balances_latest ORDER BY 2"
    ).fetchall() == [("account", "BTC", "1", "1.5"), ("account", "USDT", "0.1", "0.1")]
    assert db.execute("SELECT market, last::text FROM alphapulse.prices_latest").fetchall() == [
        ("BTC/USDT", "70000.1")
    ]


def test_a_balance_that_every_wallet_returns_counts_once(
    account: Account, database: str, db: Connection[TupleRow]
) -> None:
    wallets = (Wallet("spot"), Wallet("swap", {"kind": "swap"}), Wallet("apart", {"kind": "apart"}))
    with open_session(account, database, "test") as session:
        session.venue = replace(session.venue, wallets=wallets)
        write(session.connection, snapshot(session, "balances"), "test")
    assert db.execute(
        "SELECT wallet, total::text FROM alphapulse.balances_latest WHERE asset = 'BTC' ORDER BY 1"
    ).fetchall() == [("apart", "7"), ("spot", "1.5")]


def order(number: int, placed: datetime, changed: datetime, status: str) -> dict[str, Any]:
    return {
        "id": f"order-{number}",
        "symbol": "btc-usdt",
        "side": "buy",
        "type": "limit",
        "size": "0.00000003",
        "filled": "0.00000003" if status == "filled" else "0",
        "price": "70000",
        "status": status,
        "created_at": stamp(placed),
        "updated_at": stamp(changed),
    }


def test_all_orders_are_stored_whatever_their_day(
    exchange: Hollaex, account: Account, database: str, db: Connection[TupleRow]
) -> None:
    hour = timedelta(hours=1)
    changed_later = [order(n, START + n * hour, START + 3 * n * hour, "filled") for n in range(30)]
    burst = [
        order(n, START, START + hour + n * timedelta(minutes=2), "canceled") for n in range(30, 90)
    ]
    standing = order(90, START, START, "new")
    exchange.orders = [*changed_later, *burst, standing]
    sync(account, database, "orders")
    statuses = {"filled": "closed", "canceled": "canceled", "new": "open"}

    def expected() -> list[tuple[str, str]]:
        return sorted((o["id"], statuses[o["status"]]) for o in exchange.orders)

    def stored_orders() -> list[tuple[Any, ...]]:
        return sorted(db.execute("SELECT order_id, status FROM alphapulse.orders").fetchall())

    assert stored_orders() == expected()
    standing |= {"status": "filled", "filled": standing["size"]}
    sync(account, database, "orders")
    assert stored_orders() == expected()


def test_an_order_that_ccxt_cannot_parse_is_rejected_and_no_other(
    exchange: Hollaex, account: Account, database: str, db: Connection[TupleRow]
) -> None:
    hour = timedelta(hours=1)
    exchange.orders = [order(n, START + n * hour, START + n * hour, "filled") for n in range(30)]
    exchange.poison["order-7"] = {"size": "1e999999999"}
    sync(account, database, "orders")
    stored_orders = db.execute("SELECT order_id FROM alphapulse.orders").fetchall()
    expected = {one["id"] for one in exchange.orders} - {"order-7"}
    assert {order_id for (order_id,) in stored_orders} == expected
    [(reason, raw)] = rejected(db)
    assert "a number of more than 400 digits" in reason
    assert "order-7" in raw
    [(start, end)] = db.execute(
        "SELECT lower(gap), upper(gap) FROM alphapulse.coverage_gaps"
    ).fetchall()
    assert start <= START + 7 * hour < end


DAY = timedelta(days=1)


@pytest.fixture
def charted(exchange: Hollaex, account: Account, database: str) -> Account:
    """The account since 200 days ago, holding bitcoin; its market is 150 days old."""
    exchange.closes = {TODAY - n * DAY: f"{60_000 + n}.0000000000000000{n:03}" for n in range(151)}
    for quiet in (1, 3, 40, *range(90, 100)):
        del exchange.closes[TODAY - quiet * DAY]
    with open_session(account, database, "test") as session:
        write(session.connection, snapshot(session, "balances"), "test")
    exchange.asked.clear()
    start = (TODAY - 200 * DAY).date()
    settings = account.settings.model_copy(update={"history_start": start})
    return replace(account, settings=settings)


def closes(db: Connection[TupleRow]) -> list[tuple[Any, ...]]:
    return db.execute(
        "SELECT market, opened_at, close::text FROM alphapulse.candles ORDER BY opened_at"
    ).fetchall()


def test_closes_of_all_days_that_are_over_are_there_once(
    exchange: Hollaex, charted: Account, database: str, db: Connection[TupleRow]
) -> None:
    over = sorted(day for day in exchange.closes if day < TODAY)
    for _ in range(2):
        sync(charted, database, "candles")
        assert closes(db) == [("BTC/USDT", day, exchange.closes[day]) for day in over]
        assert exchange.asked.count("/v2/chart") < 12
    # the days before the market was listed, and no day without trades
    assert db.execute("SELECT * FROM alphapulse.coverage_gaps").fetchall() == []
    assert db.execute(
        "SELECT stream, covered::text, unreachable::text FROM alphapulse.coverage"
        " WHERE covered = tstzmultirange(tstzrange(%s, %s))"
        " AND unreachable = tstzmultirange(tstzrange(%s, %s))",
        [over[0], TODAY, TODAY - 200 * DAY, over[0]],
    ).fetchall()


def test_a_close_that_cannot_be_read_is_read_again(
    exchange: Hollaex, charted: Account, database: str, db: Connection[TupleRow]
) -> None:
    late = TODAY - 60 * DAY
    close, exchange.closes[late] = exchange.closes[late], "1e999999999"
    sync(charted, database, "candles")
    assert late not in {opened for _, opened, _ in closes(db)}
    assert len(rejected(db)) == 1
    [(start, end)] = db.execute(
        "SELECT lower(gap), upper(gap) FROM alphapulse.coverage_gaps"
    ).fetchall()
    assert start <= late < end
    exchange.closes[late] = close
    sync(charted, database, "candles")
    assert ("BTC/USDT", late, close) in closes(db)
    assert db.execute("SELECT * FROM alphapulse.coverage_gaps").fetchall() == []


def test_days_that_begin_at_another_time_are_skipped_and_not_an_error(
    exchange: Hollaex, charted: Account, database: str, db: Connection[TupleRow]
) -> None:
    exchange.closes = {day - 8 * timedelta(hours=1): c for day, c in exchange.closes.items()}
    for _ in range(2):
        sync(charted, database, "candles")
        assert closes(db) == []
        assert exchange.asked.count("/v2/chart") == 1
        assert db.execute("SELECT * FROM alphapulse.coverage_gaps").fetchall() == []
    [(part, reason)] = db.execute("SELECT part, reason FROM alphapulse.skipped").fetchall()
    assert part == "spot BTC/USDT"
    assert reason == "the exchange's daily candles do not begin at 00:00 UTC, but at 16:00"


@pytest.mark.usefixtures("single_attempt")
@pytest.mark.parametrize(
    "broken",
    [
        Reply(b"<html>maintenance</html>"),
        Reply(b'{"message": "too many"}', 429),
        Reply(b'[{"time": "2026-', cut=10),
    ],
    ids=["html", "throttled", "cut off"],
)
def test_an_error_is_never_a_quiet_market(
    exchange: Hollaex,
    charted: Account,
    database: str,
    db: Connection[TupleRow],
    covered: Callable[[], list[Any]],
    broken: Reply,
) -> None:
    exchange.broken = broken
    with pytest.raises(ExchangeFailure):
        sync(charted, database, "candles")
    assert (closes(db), covered()) == ([], [])
