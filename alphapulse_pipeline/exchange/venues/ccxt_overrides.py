"""What ccxt claims of an exchange, and what its claims and its code get wrong, as data.

Claims are checked by `dry_run`; the tables here hold what cannot be seen there. Parameters' names
are from the exchanges' own API pages. A wrong one loses nothing: a window that an exchange takes no
notice of is told by the rows that it answers, and ends as a gap.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from alphapulse_pipeline.exchange.feed import to_time

CATEGORIES = ("spot", "linear", "inverse", "option")
"""ccxt's flags of markets."""

Scope = Mapping[str, Any]
"""Parameters of an exchange's own, in place of a default of ccxt's that leaves things out."""


def _milliseconds(time: int) -> Any:
    return time


def _seconds(time: int) -> Any:
    return -(-time // 1000)


def _microseconds(time: int) -> Any:
    return time * 1000


def _iso(time: int) -> Any:
    return f"{to_time(time):%Y-%m-%dT%H:%M:%S}.{time % 1000:03}Z"


@dataclass(frozen=True)
class Bound:
    """The parameter of an exchange's own for one end of a window."""

    name: str
    written: Callable[[int], Any] = _milliseconds


_EVERYTHING = ""
"""Holds for all methods of an exchange."""

ENDS: dict[tuple[str, str], Bound] = {
    ("bequant", _EVERYTHING): Bound("till", _iso),
    ("bitbank", _EVERYTHING): Bound("end"),
    ("bitfinex", _EVERYTHING): Bound("end"),
    ("bitopro", _EVERYTHING): Bound("endTimestamp"),
    ("bitrue", _EVERYTHING): Bound("endTime"),
    ("bittrade", "fetchMyTrades"): Bound("end-time"),
    ("bitvavo", _EVERYTHING): Bound("end"),
    ("blockchaincom", _EVERYTHING): Bound("to"),
    ("blofin", "fetchClosedOrders"): Bound("end"),
    ("btcturk", "fetchOrders"): Bound("endDate"),
    ("bybiteu", "fetchLedger"): Bound("endTime"),
    ("bybitid", "fetchLedger"): Bound("endTime"),
    ("coinmate", "fetchMyTrades"): Bound("timestampTo"),
    ("coinmate", "fetchDepositsWithdrawals"): Bound("timestampTo"),
    ("coinsph", _EVERYTHING): Bound("endTime"),
    ("coinspot", _EVERYTHING): Bound("enddate", lambda time: f"{to_time(time):%Y-%m-%d}"),
    ("delta", _EVERYTHING): Bound("end_time", _microseconds),
    ("deribit", "fetchMyTrades"): Bound("end_timestamp"),
    ("digifinex", _EVERYTHING): Bound("end_time", _seconds),
    ("fmfwio", _EVERYTHING): Bound("till", _iso),
    ("foxbit", _EVERYTHING): Bound("end_time", _iso),
    ("gate", "fetchFundingHistory"): Bound("to", _seconds),
    ("gateeu", "fetchFundingHistory"): Bound("to", _seconds),
    ("hitbtc", _EVERYTHING): Bound("till", _iso),
    ("hollaex", _EVERYTHING): Bound("end_date", _iso),
    ("kucoinfutures", _EVERYTHING): Bound("endAt"),
    ("lbank", "fetchDeposits"): Bound("endTime"),
    ("lbank", "fetchWithdrawals"): Bound("endTime"),
    ("luno", "fetchMyTrades"): Bound("before"),
    ("mexc", _EVERYTHING): Bound("endTime"),
    ("mexc", "fetchMyTrades"): Bound("end_time"),
    ("modetrade", _EVERYTHING): Bound("end_t"),
    ("phemex", _EVERYTHING): Bound("end"),
    ("poloniex", _EVERYTHING): Bound("end", _seconds),
    ("tokocrypto", _EVERYTHING): Bound("endTime"),
    ("woo", _EVERYTHING): Bound("end_t"),
    ("woofipro", _EVERYTHING): Bound("end_t"),
    ("xt", _EVERYTHING): Bound("endTime"),
}
"""Where ccxt takes no notice of `until`."""

STARTS: dict[tuple[str, str], Bound] = {
    ("bithumb", _EVERYTHING): Bound("start_date"),
    ("bitopro", "fetchMyTrades"): Bound("startTimestamp"),
    ("blockchaincom", _EVERYTHING): Bound("from"),
    ("mexc", "fetchFundingHistory"): Bound("start_time"),
    ("phemex", _EVERYTHING): Bound("start"),
}
"""Where ccxt takes no notice of `since`."""

SCOPES: dict[tuple[str, str], Mapping[str, Scope]] = {
    ("deribit", ""): {
        code: {"currency": code} for code in ("BTC", "ETH", "USDC", "USDT", "EURR", "SOL")
    },
    **{
        (exchange, "contract"): {coin: {"settle": coin} for coin in ("usdt", "btc")}
        for exchange in ("gate", "gateeu")
    },
    ("bitget", "linear"): {coin: {"productType": f"{coin}-FUTURES"} for coin in ("USDT", "USDC")},
    **{
        (exchange, "linear"): {coin: {"settleCoin": coin} for coin in ("USDT", "USDC")}
        for exchange in ("bybiteu", "bybitid")
    },
    **{
        (exchange, category): {coin: {"currency": coin} for coin in ("USDT", "USDC", "XBT", "ETH")}
        for exchange, category in (("kucoin", "contract"), ("kucoinfutures", ""))
    },
}
"""(exchange, category) -> what is asked one after the other, where ccxt would take one of them for
all. The category is empty where one request is for markets of every kind."""

PER_MARKET = {
    ("btcbox", "fetchOrders"): "ccxt asks for one coin's orders where none is named",
    ("btcbox", "fetchOpenOrders"): "ccxt asks for one coin's orders where none is named",
    ("htx", "fetchOpenOrders"): "ccxt asks for a market that there is not where none is named",
    ("phemex", "fetchMyTrades"): "ccxt asks for USDT's contracts where none is named",
    ("phemex", "fetchClosedOrders"): "ccxt asks for USDT's contracts where none is named",
}
"""Where ccxt does without a market, and then leaves things out."""

UNUSABLE = {
    ("coinbase", "fetchDeposits"): "ccxt filters one page of all transactions",
    ("coinbase", "fetchWithdrawals"): "ccxt filters one page of all transactions",
    ("dydx", "fetchDeposits"): "ccxt filters one page of all transfers",
    ("dydx", "fetchWithdrawals"): "ccxt filters one page of all transfers",
    ("hibachi", "fetchDeposits"): "ccxt filters one page of all transactions",
    ("hibachi", "fetchWithdrawals"): "ccxt filters one page of all transactions",
}
"""Methods that hide how many rows the exchange answered, where another one does not."""

IDS: dict[tuple[str, str], tuple[str, ...]] = {
    ("hyperliquid", "trades"): ("tid", "oid"),
}
"""(exchange, dataset) -> the fields of a row that name it together, where its id alone does not."""

REMARKS = {
    "bitget": "ccxt reads an error about the account's mode as 'not unified': set options.uta",
    "bybitid": "inverse contracts settled in other coins than USDT: open orders are not listed",
    "bybiteu": "inverse contracts settled in other coins than USDT: open orders are not listed",
    "derive": "set options.subaccount_id",
    "gate": "ccxt reads an error about the account's mode as 'not unified': set "
    "options.unifiedAccount",
    "gateeu": "ccxt reads an error about the account's mode as 'not unified': set "
    "options.unifiedAccount",
    "phemex": "balances, positions: of contracts those that USDT settles",
}


@dataclass(frozen=True)
class Hints:
    """ccxt's claims of one exchange."""

    has: Mapping[str, Any]
    features: Mapping[str, Any]

    def of(self, category: str) -> Mapping[str, Any]:
        """What `features` says about a category: method -> its limits."""
        if category == "spot":
            return self.features.get("spot") or {}
        for kind in ("option",) if category == "option" else ("swap", "future"):
            found = self.features.get(kind) or {}
            if limits := found.get("linear" if category == "option" else category):
                return dict(limits)
        return {}

    def categories(self) -> tuple[str, ...]:
        """The categories of markets that the exchange has, by whichever claim says so."""
        told = self.of("linear") or self.of("inverse")
        derivatives = self.has.get("swap") or self.has.get("future")
        claimed = {
            "spot": self.of("spot") or self.has.get("spot"),
            "linear": self.of("linear") or (derivatives and not told),
            "inverse": self.of("inverse"),
            "option": self.of("option") or self.has.get("option"),
        }
        return tuple(category for category in CATEGORIES if claimed[category])

    def limit(self, category: str, method: str, name: str) -> int | None:
        """A number out of `features`; None where there is none, or one that stands for none."""
        value = (self.of(category).get(method) or {}).get(name)
        return int(value) if value and int(value) < _NO_LIMIT else None

    def needs_symbol(self, category: str, method: str) -> bool:
        return bool((self.of(category).get(method) or {}).get("symbolRequired"))


_NO_LIMIT = 10_000
"""ccxt writes 10000 or 100000 days for 'no limit known'."""


def bound(table: Mapping[tuple[str, str], Bound], exchange: str, method: str) -> Bound | None:
    return table.get((exchange, method)) or table.get((exchange, _EVERYTHING))
