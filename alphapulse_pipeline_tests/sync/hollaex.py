"""An exchange without a venue of its own, over real HTTP: HollaEx's protocol.

Its fills have no ids; its pages are newest first and shorter than ccxt's limit.
"""

import itertools
import json
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.settings.accounts import Account
from alphapulse_pipeline.sync.histories import history, whole_history
from alphapulse_pipeline.sync.session import open_session
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


def its_account(make_account: Make, url: str) -> Account:
    return make_account(
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


def rejected(db: Connection[TupleRow]) -> list[tuple[str, str]]:
    return db.execute("SELECT reason, raw FROM alphapulse.rejected").fetchall()
