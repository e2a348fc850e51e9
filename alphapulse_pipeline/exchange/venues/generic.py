"""Every exchange that has no file of its own here, as far as ccxt knows it.

What an exchange has, and how it must be called, is found out without the network (`call_plans.py`,
`ccxt_overrides.py`). Completeness is never assumed: the walker proves it, or the range stays a gap.
What an exchange lacks, or lists for one currency at a time only, is not in its venue.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cache, partial
from typing import Any

from alphapulse_pipeline.datasets.values import Row
from alphapulse_pipeline.exchange.feed import Caller, Feed, Raw, milliseconds
from alphapulse_pipeline.exchange.venues import ccxt_overrides
from alphapulse_pipeline.exchange.venues.call_plans import CallPlan, CallPlanner, unified, window
from alphapulse_pipeline.exchange.venues.dry_run import SINCE, UNTIL, arrives
from alphapulse_pipeline.exchange.venues.venue import Amend, Source, Venue, Wallet
from alphapulse_pipeline.exchange.walker import Whole, Windows
from alphapulse_pipeline.exchange.walker.bisect import Bisect

_DAY = timedelta(days=1)
"""No exchange is known to cut a window down to less; several do to 1, 2, 7, 30 days."""
_LAG = timedelta(seconds=60)
Wallets = tuple[Wallet, ...]

_BY_THEIR_TIME = ("trades", "funding", "ledger")
_WINDOWS = Windows()
# Orders and transfers may be listed by when they changed, long after they began.
_HALVES = Bisect()

_ORDERS = (
    ("fetchOrders",),
    ("fetchCanceledAndClosedOrders",),
    ("fetchClosedOrders", "fetchCanceledOrders"),
)
_TRANSACTIONS = (
    ("fetchDeposits", "fetchWithdrawals"),
    ("fetchDepositsWithdrawals",),
    ("fetchTransactions",),
)
_TRANSFER_KINDS = {"fetchDeposits": "deposit", "fetchWithdrawals": "withdrawal"}


@dataclass(frozen=True)
class Plan:
    """An exchange's venue, and what a reader should know of it."""

    name: str
    venue: Venue
    remarks: tuple[str, ...]


def generic(exchange: str) -> Venue:
    """The venue of an exchange of ccxt's; no request is made.

    Raises `ImportError` where the installed ccxt has no such exchange.
    """
    return plan(exchange).venue


@cache
def plan(exchange: str) -> Plan:
    """The venue with its remarks."""
    found = CallPlanner(exchange)
    wallets = _wallets(found)
    histories = {
        "trades": _per_kind(found, wallets, "trades", "fetchMyTrades"),
        "orders": _orders(found, wallets),
        "transfers": _transfers(found, wallets),
        "funding": _per_kind(found, wallets, "funding", "fetchFundingHistory", contracts=True),
        "ledger": _per_kind(found, wallets, "ledger", "fetchLedger", symbols=False),
    }
    venue = Venue(
        wallets=wallets,
        positions=tuple(
            Source(_listing(way, "fetchPositions"), _wallet(wallets, way), "", way.category)
            for way in found.by_market(
                "fetchPositions", windowed=False, contracts=True, symbols=False
            ).values()
        ),
        margin_mode=_margin_mode,
        open_orders=tuple(
            _now(wallets, way)
            for way in found.by_market("fetchOpenOrders", windowed=False).values()
        ),
        ended_orders=(),
        histories={dataset: sources for dataset, sources in histories.items() if sources},
        order_by_id=partial(_order_by_id, bool(found.has("fetchOrder")), wallets),
        tickers=_tickers(found),
        lag=_LAG,
        delisted=_as_it_is,
        needs_password=bool(found.run.ccxt.requiredCredentials.get("password")),
    )
    return Plan(str(found.run.ccxt.name), venue, tuple(_remarks(found, venue)))


def _as_it_is(raw_id: str, category: str) -> str:
    """Nothing is known of how the exchange makes its ids."""
    return raw_id


def _wallets(exchange: CallPlanner) -> tuple[Wallet, ...]:
    """One for each balance that the exchange keeps apart; a wallet may take several calls."""
    ways = exchange.by_market("fetchBalance", windowed=False, symbols=False).values()
    # futures have a wallet of their own where a request of their own is seen
    named = [
        (way.part_of or way.name, way.params)
        for way in ways
        if "future" not in way.name or way.seen
    ]
    return tuple(Wallet("account" if name == "all" else name, params) for name, params in named)


def _wallet(wallets: Wallets, way: CallPlan) -> str:
    """The wallet that a way's rows belong to, where one is known."""
    there = {wallet.name for wallet in wallets}
    if len(there) == 1:
        return next(iter(there))
    contracts = ("contract", "swap") if way.category != "spot" else ()
    names = (way.part_of or way.name, way.category, *contracts, "account")
    return next((name for name in names if name in there and way.category), "")


def _per_kind(
    exchange: CallPlanner, wallets: Wallets, dataset: str, method: str, **which: bool
) -> dict[str, Source]:
    return {
        name: _history(exchange, wallets, dataset, method, way)
        for name, way in exchange.by_market(method, **which).items()
    }


def _orders(exchange: CallPlanner, wallets: Wallets) -> dict[str, Source]:
    """For each kind of market the first method that lists all of its orders."""
    found: dict[str, Source] = {}
    covered: set[str] = set()
    for methods in _ORDERS:
        ways = exchange.by_market(methods[0])
        fresh = {name: way for name, way in ways.items() if not covered & way.kinds}
        for name, way in fresh.items():
            found[name] = _history(exchange, wallets, "orders", methods[0], way)
        for method in methods[1:]:
            for name, way in exchange.by_market(method).items():
                if name in fresh:
                    source = _history(exchange, wallets, "orders", method, way)
                    found[f"{name} canceled"] = source
        covered |= {kind for way in fresh.values() for kind in way.kinds}
    return found


def _transfers(exchange: CallPlanner, wallets: Wallets) -> dict[str, Source]:
    ways = {
        method: _at_once(exchange, wallets, "transfers", method, _TRANSFER_KINDS.get(method, ""))
        for methods in _TRANSACTIONS
        for method in methods
    }
    whole = next((m for m in _TRANSACTIONS if all(ways[method] for method in m)), ())
    transfers = _at_once(exchange, wallets, "transfers", "fetchTransfers", "transfer")
    # an exchange may have deposits alone
    chosen = [ways[method] for method in whole or ways]
    return {name: source for way in [*chosen, transfers] for name, source in way.items()}


def _at_once(
    exchange: CallPlanner, wallets: Wallets, dataset: str, method: str, kind: str
) -> dict[str, Source]:
    way = exchange.at_once(method)
    if way is None:
        return {}
    name = unified(method).removeprefix("fetch_").replace("_", " ")
    return {name: _history(exchange, wallets, dataset, method, way, kind)}


def _history(
    exchange: CallPlanner,
    wallets: Wallets,
    dataset: str,
    method: str,
    way: CallPlan,
    kind: str = "",
) -> Source:
    category = way.category if way.category in ccxt_overrides.CATEGORIES else exchange.categories[0]
    days = exchange.hints.limit(category, method, "daysBack")
    return Source(
        Feed(
            unified(method),
            _WINDOWS if dataset in _BY_THEIR_TIME or not way.windowed else _HALVES,
            time=milliseconds("timestamp"),
            between=window(way, exchange.hints.limit(category, method, "limit")),
            window=_DAY if way.windowed else None,
            horizon=timedelta(days=days) if days else None,
        ),
        wallet=_wallet(wallets, way),
        parse="",
        category=way.category,
        per_market="symbol" if way.per_market else "",
        by_name=way.per_market,
        doubtful=True,
        kind=kind,
        amend=_amend(exchange.name, dataset, method),
    )


def _amend(exchange: str, dataset: str, method: str) -> Amend:
    """Puts in what ccxt leaves out: an id, a status, an asset."""
    fields = ccxt_overrides.IDS.get((exchange, dataset), ())
    status = _STATUSES.get(method)

    def amend(raw: Raw, row: Row) -> Row:
        if fields:
            row = row | {"trade_id": "-".join(str(raw[field]) for field in fields)}
        if dataset == "orders" and not row["status"]:
            row = row | {"status": status}
        if dataset == "funding" and not row["asset"]:
            row = row | {"asset": str(row["market"]).partition(":")[2].partition("-")[0] or None}
        return row

    return amend


_STATUSES = {
    "fetchOpenOrders": "open",
    "fetchClosedOrders": "closed",
    "fetchCanceledOrders": "canceled",
}
"""The status that being in a list is, where a row has none."""


def _listing(way: CallPlan, method: str) -> Feed:
    """What is open or held now."""
    return Feed(unified(method), Whole(), {"params": dict(way.params)})


def _now(wallets: Wallets, way: CallPlan) -> Source:
    return Source(
        _listing(way, "fetchOpenOrders"),
        _wallet(wallets, way),
        "",
        way.category,
        per_market="symbol" if way.per_market else "",
        by_name=way.per_market,
        amend=_amend("", "orders", "fetchOpenOrders"),
    )


def _order_by_id(
    has: bool, wallets: Wallets, category: str, market: str, order_id: str
) -> tuple[Source, ...]:
    """`market`: its raw id, which ccxt takes in place of a symbol."""
    if not has:
        return ()
    asked = {"id": order_id, "symbol": market}
    feed = Feed("fetch_order", Whole(), asked, rows=lambda order: [order])
    return (Source(feed, _wallet(wallets, CallPlan(category, category)), "", category),)


async def _margin_mode(call: Caller) -> str:
    return "cross"


def _tickers(exchange: CallPlanner) -> dict[str, Mapping[str, Any]]:
    """Category -> parameters; the same ones where one call lists several categories."""
    found: dict[str, Mapping[str, Any]] = {}
    for way in exchange.by_market(
        "fetchTickers", windowed=False, symbols=False, scoped=False
    ).values():
        for category in exchange.categories:
            if category in way.kinds:
                found[category] = way.params
    return found


def _remarks(exchange: CallPlanner, venue: Venue) -> list[str]:
    found = (
        [ccxt_overrides.REMARKS[exchange.name]] if exchange.name in ccxt_overrides.REMARKS else []
    )
    wanted = exchange.run.ccxt.requiredCredentials
    if missing := [n for n in wanted if wanted[n] and n not in ("apiKey", "secret", "password")]:
        found.append(f"wants {' and '.join(missing)} for a key")
    for is_so, words in (
        (_blind, "not by time, proved only where there are few"),
        (_endless, "not up to a time, proved only where there are few"),
    ):
        datasets = [
            d for d, sources in venue.histories.items() if any(map(is_so, sources.values()))
        ]
        if datasets:
            found.append(f"{', '.join(datasets)}: {words}")
    for dataset, methods in _METHODS.items():
        kinds = {
            kind
            for method, kind in exchange.refused
            if method in methods and kind in ccxt_overrides.CATEGORIES
        }
        listed = set().union(*(exchange.listed.get(method, set()) for method in methods))
        if dataset in venue.histories and (left_out := sorted(kinds - listed)):
            found.append(f"{dataset}: not {', '.join(left_out)}")
    return found


def _blind(source: Source) -> bool:
    return source.feed.window is None


def _endless(source: Source) -> bool:
    params = source.feed.between(SINCE, UNTIL)["params"]
    return not _blind(source) and "until" not in params and not arrives(UNTIL, params)


_METHODS = {
    "trades": ("fetchMyTrades",),
    "orders": tuple(method for methods in _ORDERS for method in methods),
    "funding": ("fetchFundingHistory",),
}


__all__ = ["Plan", "generic", "plan"]
