"""ccxt's claims about an exchange, and corrections of its claims and code, as data.

`dry_run` checks the claims; these tables hold what a dry run cannot show. Parameter names are from
the exchanges' API documentation. A wrong name loses no rows: if an exchange ignores a window, the
walker notices from the rows and leaves a gap.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from alphapulse_pipeline.exchange.documented import Documented
from alphapulse_pipeline.exchange.feed import to_time

CATEGORIES = ("spot", "linear", "inverse", "option")
"""ccxt's flags of markets."""

Scope = Mapping[str, Any]
"""The exchange's parameters, overriding a ccxt default that would leave rows out."""


def _milliseconds(time: int) -> Any:
    return time


def _seconds(time: int) -> Any:
    return -(-time // 1000)


def _whole_seconds(time: int) -> Any:
    return time // 1000


def _microseconds(time: int) -> Any:
    return time * 1000


def _iso(time: int) -> Any:
    return f"{to_time(time):%Y-%m-%dT%H:%M:%S}.{time % 1000:03}Z"


@dataclass(frozen=True)
class Bound:
    """The exchange's own parameter for one end of a window."""

    name: str
    written: Callable[[int], Any] = _milliseconds


_ALL_METHODS = ""
"""Applies to all methods of an exchange."""

ENDS: dict[tuple[str, str], Bound] = {
    ("bequant", _ALL_METHODS): Bound("till", _iso),
    ("bequant", "fetchOHLCV"): Bound("till", _iso),
    ("bitbank", _ALL_METHODS): Bound("end"),
    ("bitfinex", _ALL_METHODS): Bound("end"),
    ("bitopro", _ALL_METHODS): Bound("endTimestamp"),
    ("bitrue", _ALL_METHODS): Bound("endTime"),
    ("bitso", "fetchOHLCV"): Bound("end"),
    ("bittrade", "fetchMyTrades"): Bound("end-time"),
    ("bitvavo", _ALL_METHODS): Bound("end"),
    ("blockchaincom", _ALL_METHODS): Bound("to"),
    ("blofin", "fetchClosedOrders"): Bound("end"),
    ("btcmarkets", "fetchOHLCV"): Bound("to", _iso),
    ("btcturk", "fetchOrders"): Bound("endDate"),
    ("btcturk", "fetchOHLCV"): Bound("to", _seconds),
    ("coinmate", "fetchMyTrades"): Bound("timestampTo"),
    ("coinmate", "fetchDepositsWithdrawals"): Bound("timestampTo"),
    ("coinsph", _ALL_METHODS): Bound("endTime"),
    ("coinspot", _ALL_METHODS): Bound("enddate", lambda time: f"{to_time(time):%Y-%m-%d}"),
    ("cryptocom", "fetchOHLCV"): Bound("end_ts"),
    ("delta", _ALL_METHODS): Bound("end_time", _microseconds),
    ("deribit", "fetchMyTrades"): Bound("end_timestamp"),
    ("digifinex", _ALL_METHODS): Bound("end_time", _seconds),
    ("fmfwio", _ALL_METHODS): Bound("till", _iso),
    ("fmfwio", "fetchOHLCV"): Bound("till", _iso),
    ("foxbit", _ALL_METHODS): Bound("end_time", _iso),
    ("foxbit", "fetchOHLCV"): Bound("end_time", _iso),
    ("gate", "fetchFundingHistory"): Bound("to", _seconds),
    ("gate", "fetchLedger"): Bound("to", _seconds),
    ("gateeu", "fetchFundingHistory"): Bound("to", _seconds),
    ("gateeu", "fetchLedger"): Bound("to", _seconds),
    ("hitbtc", _ALL_METHODS): Bound("till", _iso),
    ("hitbtc", "fetchOHLCV"): Bound("till", _iso),
    ("hollaex", _ALL_METHODS): Bound("end_date", _iso),
    ("indodax", "fetchOHLCV"): Bound("to", _seconds),
    ("kucoin", "fetchOHLCV"): Bound("endAt", _seconds),
    ("kucoinfutures", _ALL_METHODS): Bound("endAt"),
    ("lbank", "fetchDeposits"): Bound("endTime"),
    ("lbank", "fetchWithdrawals"): Bound("endTime"),
    ("luno", "fetchMyTrades"): Bound("before"),
    ("mercado", "fetchOHLCV"): Bound("to", _seconds),
    ("mexc", _ALL_METHODS): Bound("endTime"),
    ("mexc", "fetchMyTrades"): Bound("end_time"),
    ("mexc", "fetchOHLCV"): Bound("endTime"),
    ("modetrade", _ALL_METHODS): Bound("end_t"),
    ("onetrading", "fetchOHLCV"): Bound("to", _iso),
    ("phemex", _ALL_METHODS): Bound("end"),
    ("poloniex", _ALL_METHODS): Bound("end", _seconds),
    ("tokocrypto", _ALL_METHODS): Bound("endTime"),
    ("whitebit", "fetchOHLCV"): Bound("end", _seconds),
    ("woo", _ALL_METHODS): Bound("end_t"),
    ("woofipro", _ALL_METHODS): Bound("end_t"),
    ("xt", _ALL_METHODS): Bound("endTime"),
}
"""Where ccxt ignores `until`, or sends it in another unit or a second time."""

STARTS: dict[tuple[str, str], Bound] = {
    ("bithumb", _ALL_METHODS): Bound("start_date"),
    ("bitopro", "fetchMyTrades"): Bound("startTimestamp"),
    ("blockchaincom", _ALL_METHODS): Bound("from"),
    ("gate", "fetchLedger"): Bound("from", _whole_seconds),
    ("gateeu", "fetchLedger"): Bound("from", _whole_seconds),
    ("mexc", "fetchFundingHistory"): Bound("start_time"),
    ("phemex", _ALL_METHODS): Bound("start"),
}
"""Where ccxt ignores `since`."""

UNITS: dict[tuple[str, str], str] = {
    ("gate", "fetchLedger"): "s",
    ("gateeu", "fetchLedger"): "s",
}
"""The documented unit of an exchange's times, where ccxt sends another one: the exchange would read
milliseconds as a time far in the future, and return nothing. `list_spot_account_book` in
github.com/gateio/gateapi-python/blob/master/docs/SpotApi.md, 2025-07-31."""

FILTERED_BY_ANOTHER_TIME = {
    ("gate", "fetchMyTrades"): "by the time that the order ended",
    ("gateeu", "fetchMyTrades"): "by the time that the order ended",
}
"""Lists whose windows are not of the rows' own time: a row may be in a later one. `list_my_trades`
in github.com/gateio/gateapi-python/blob/master/docs/SpotApi.md, 2025-07-31."""

SCOPES: dict[tuple[str, str], Mapping[str, Scope]] = {
    ("deribit", ""): {code: {"currency": code} for code in ("BTC", "ETH", "USDC", "USDT", "EURR")},
    **{
        (exchange, "contract"): {coin: {"settle": coin} for coin in ("usdt", "btc")}
        for exchange in ("gate", "gateeu")
    },
    ("bitget", "linear"): {coin: {"productType": f"{coin}-FUTURES"} for coin in ("USDT", "USDC")},
    **{
        (exchange, category): {coin: {"currency": coin} for coin in ("USDT", "USDC", "XBT", "ETH")}
        for exchange, category in (("kucoin", "contract"), ("kucoinfutures", ""))
    },
}
"""(exchange, category) -> scopes that are requested one after the other, where ccxt would request
only one of them. The category is empty if one request covers markets of every kind."""

PER_MARKET = {
    ("btcbox", "fetchOrders"): "without a market, ccxt requests the orders of one coin only",
    ("btcbox", "fetchOpenOrders"): "without a market, ccxt requests the orders of one coin only",
    ("htx", "fetchOpenOrders"): "without a market, ccxt requests a market that does not exist",
    ("phemex", "fetchMyTrades"): "without a market, ccxt requests USDT contracts only",
    ("phemex", "fetchClosedOrders"): "without a market, ccxt requests USDT contracts only",
}
"""Methods that ccxt accepts without a market, but that then leave rows out."""

UNUSABLE = {
    ("alpaca", "fetchOHLCV"): "its days begin at 05:00 or 06:00 UTC",
    ("bitopro", "fetchOHLCV"): "ccxt adds candles that the exchange does not have",
    ("coinbase", "fetchDeposits"): "ccxt filters one page of all transactions",
    ("coinbase", "fetchWithdrawals"): "ccxt filters one page of all transactions",
    ("dydx", "fetchDeposits"): "ccxt filters one page of all transfers",
    ("dydx", "fetchWithdrawals"): "ccxt filters one page of all transfers",
    ("htx", "fetchOHLCV"): "its days begin at 16:00 UTC",
    ("krakenfutures", "fetchOrders"): "it lists open orders, and others for 5 seconds",
    ("krakenfutures", "fetchClosedOrders"): "ccxt filters one page of events",
    ("krakenfutures", "fetchCanceledOrders"): "ccxt filters one page of events",
    ("hibachi", "fetchDeposits"): "ccxt filters one page of all transactions",
    ("hibachi", "fetchWithdrawals"): "ccxt filters one page of all transactions",
}
"""Methods that do not list everything, or hide how many rows the exchange returned. Kraken Futures:
docs.kraken.com/api-reference/order-management/get-specific-orders-status (undated). Days of Alpaca:
github.com/alpacahq/alpaca-py/issues/169; of HTX: github.com/huobiapi/API_Docs_en/issues/8."""

IDS: dict[tuple[str, str], tuple[str, ...]] = {
    ("hyperliquid", "trades"): ("tid", "oid"),
}
"""(exchange, dataset) -> the fields that together identify a row, where its id does not."""

KEPT: dict[tuple[str, str], timedelta] = {
    ("deribit", "orders"): timedelta(days=36_500),
    ("deribit", "trades"): timedelta(days=36_500),
}
"""(exchange, dataset) -> how long rows are documented to be kept; nothing is assumed of others.
Deribit: docs.deribit.com/articles/accessing-historical-trades-orders (undated)."""

LIMITS: dict[tuple[str, str, str], int] = {
    ("htx", "fetchOrders", "spot"): 100,
    ("mexc", "fetchOrders", "contract"): 100,
}
"""(exchange, method, category) -> the most rows that a request may ask for; ccxt says more."""

_BITSTAMP = Documented(
    page="bitstamp.net/api/#tag/Transactions-private/operation/GetUserTransactions",
    dated="undated",
    limit=1000,
    default_limit=100,
)
DOCUMENTED: dict[tuple[str, str], Documented] = {
    ("bitstamp", "fetchMyTrades"): _BITSTAMP,
    ("bitstamp", "fetchDepositsWithdrawals"): _BITSTAMP,
    ("bitstamp", "fetchLedger"): _BITSTAMP,
    ("krakenfutures", "fetchMyTrades"): Documented(
        page="docs.kraken.com/api-reference/account-history/get-fills",
        dated="undated",
        limit=100,
        default_limit=100,
    ),
}
"""What the page of a list says that has no window: an answer with fewer rows is whole."""

DEPOSITED_TO = {
    "bitfinex": "exchange",
    "hyperliquid": "swap",
    "krakenfutures": "cash",
    "kucoin": "main",
}
"""The wallet that deposits arrive in and withdrawals leave from, if it is not "spot"."""

SETTINGS: dict[str, Mapping[str, Any]] = {"bitget": {"options": {"uta": False}}}
"""ccxt's settings. Bitget: as in the dry run; ccxt would take any error for "not unified", and a
unified account answers 40085 to the requests for classic accounts."""


@dataclass(frozen=True)
class CcxtClaims:
    """ccxt's claims about one exchange."""

    has: Mapping[str, Any]
    features: Mapping[str, Any]

    def of(self, category: str) -> Mapping[str, Any]:
        """The `features` of a category: method -> its limits."""
        if category == "spot":
            return self.features.get("spot") or {}
        for kind in ("option",) if category == "option" else ("swap", "future"):
            found = self.features.get(kind) or {}
            if limits := found.get("linear" if category == "option" else category):
                return dict(limits)
        return {}

    def categories(self) -> tuple[str, ...]:
        """The categories of markets that the exchange has according to any claim."""
        listed = self.of("linear") or self.of("inverse")
        derivatives = self.has.get("swap") or self.has.get("future")
        claimed = {
            "spot": self.of("spot") or self.has.get("spot"),
            "linear": self.of("linear") or (derivatives and not listed),
            "inverse": self.of("inverse"),
            "option": self.of("option") or self.has.get("option"),
        }
        return tuple(category for category in CATEGORIES if claimed[category])

    def limit(self, category: str, method: str, name: str) -> int | None:
        """A number from `features`; None if it is missing or means "no limit"."""
        value = (self.of(category).get(method) or {}).get(name)
        return int(value) if value and int(value) < _NO_LIMIT else None

    def needs_symbol(self, category: str, method: str) -> bool:
        return bool((self.of(category).get(method) or {}).get("symbolRequired"))


_NO_LIMIT = 10_000
"""ccxt writes 10000 or 100000 days for "no known limit"."""


def bound(table: Mapping[tuple[str, str], Bound], exchange: str, method: str) -> Bound | None:
    return table.get((exchange, method)) or table.get((exchange, _ALL_METHODS))
