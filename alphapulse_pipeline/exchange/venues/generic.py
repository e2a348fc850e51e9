"""Venues for the exchanges without a file of their own, derived from ccxt.

What an exchange supports, and which calls it needs, is determined offline (`call_plans.py`,
`ccxt_overrides.py`). Completeness is never assumed: the walker proves it, or the range stays a gap.
Datasets that an exchange lacks, or lists only per currency, are not in its venue.
"""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cache, partial
from typing import Any

from alphapulse_pipeline.exchange.feed import Feed, milliseconds
from alphapulse_pipeline.exchange.venues import ccxt_overrides
from alphapulse_pipeline.exchange.venues.call_plans import CallPlan, CallPlanner, unified, window
from alphapulse_pipeline.exchange.venues.candles import DAYS_OF_CCXT, LIMIT_OF_CCXT, candles_of_ccxt
from alphapulse_pipeline.exchange.venues.corrections import CORRECTIONS
from alphapulse_pipeline.exchange.venues.corrections.wallets import WALLETS
from alphapulse_pipeline.exchange.venues.dry_run import SINCE, UNTIL, arrives
from alphapulse_pipeline.exchange.venues.generic_rows import completed, wallet_among
from alphapulse_pipeline.exchange.venues.known_gaps import KNOWN_GAPS
from alphapulse_pipeline.exchange.venues.venue import Source, Venue, Wallet
from alphapulse_pipeline.exchange.walker import Whole, Windows
from alphapulse_pipeline.exchange.walker.bisect import Bisect
from alphapulse_pipeline.settings.environment import PUBLIC

_DAY = timedelta(days=1)
"""No known exchange limits windows to less; several do to 1, 2, 7 or 30 days."""
_LAG = timedelta(seconds=60)
Wallets = tuple[Wallet, ...]

_FILTERED_BY_ROW_TIME = ("trades", "funding", "ledger")
_WINDOWS = Windows()
# Orders and transfers may be filtered by their last change, long after their creation.
_BISECT = Bisect()

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
class Description:
    """An exchange's venue, with remarks for the support matrix."""

    name: str
    venue: Venue
    remarks: tuple[str, ...]


def generic(exchange: str) -> Venue:
    """The venue of any ccxt exchange; sends no request.

    Raises `ImportError` if the installed ccxt has no such exchange.
    """
    return describe(exchange).venue


@cache
def describe(exchange: str) -> Description:
    """The venue with its remarks."""
    planner = CallPlanner(exchange)
    wallets = _wallets(planner)
    histories = {
        "trades": _per_kind(planner, wallets, "trades", "fetchMyTrades"),
        "orders": _orders(planner, wallets),
        "transfers": _transfers(planner, wallets),
        "funding": _per_kind(planner, wallets, "funding", "fetchFundingHistory", contracts=True),
        "ledger": _per_kind(planner, wallets, "ledger", "fetchLedger", symbols=False),
        "candles": _candles(planner),
    }
    venue = Venue(
        wallets=wallets,
        positions=tuple(
            Source(_listing(plan, "fetchPositions"), _wallet(wallets, plan), "", plan.category)
            for plan in planner.by_market(
                "fetchPositions", windowed=False, contracts=True, symbols=False
            ).values()
        ),
        open_orders=tuple(
            _now(wallets, plan)
            for plan in planner.by_market("fetchOpenOrders", windowed=False).values()
        ),
        histories={dataset: sources for dataset, sources in histories.items() if sources},
        order_by_id=partial(_order_by_id, bool(planner.has("fetchOrder")), wallets),
        tickers=_tickers(planner),
        lag=_LAG,
        settings=ccxt_overrides.SETTINGS.get(exchange, {}),
        needs_password=bool(planner.run.ccxt.requiredCredentials.get("password")),
    )
    venue = CORRECTIONS.get(exchange, _unchanged)(venue)
    return Description(str(planner.run.ccxt.name), venue, tuple(_remarks(planner, venue)))


def _unchanged(venue: Venue) -> Venue:
    return venue


def _wallets(planner: CallPlanner) -> tuple[Wallet, ...]:
    """One wallet for each separate balance; a wallet may take several calls."""
    if planner.name in WALLETS:
        return WALLETS[planner.name]
    plans = planner.by_market("fetchBalance", windowed=False, symbols=False).values()
    # futures have their own wallet if the dry run showed their own request
    named = [
        (plan.part_of or plan.name, plan.params)
        for plan in plans
        if "future" not in plan.name or plan.observed
    ]
    return tuple(Wallet("account" if name == "all" else name, params) for name, params in named)


def _wallet(wallets: Wallets, plan: CallPlan) -> str:
    """The wallet of a plan's rows; empty if they belong to several, or if it is unknown."""
    names = [wallet.name for wallet in wallets]
    if not plan.category:
        return wallet_among(names, str(plan.params.get("type")))
    contracts = ("contract", "swap") if plan.category != "spot" else ()
    return wallet_among(names, plan.part_of or plan.name, plan.category, *contracts, "account")


def _per_kind(
    planner: CallPlanner, wallets: Wallets, dataset: str, method: str, **which: bool
) -> dict[str, Source]:
    return {
        name: _history(planner, wallets, dataset, method, plan)
        for name, plan in planner.by_market(method, **which).items()
    }


def _orders(planner: CallPlanner, wallets: Wallets) -> dict[str, Source]:
    """For each kind of market, the first method that lists all of its orders.

    A method with a window wins: one without may list recent orders only.
    """
    found: dict[str, Source] = {}
    covered: set[str] = set()
    for windowed, methods in itertools.product((True, False), _ORDERS):
        plans = {method: planner.by_market(method) for method in methods}
        for name, plan in plans[methods[0]].items():
            others = [plans[method][name] for method in methods if name in plans[method]]
            if covered & plan.kinds or (windowed and not all(p.windowed for p in others)):
                continue
            found[name] = _history(planner, wallets, "orders", methods[0], plan)
            for method in methods[1:]:
                if name in plans[method]:
                    source = _history(planner, wallets, "orders", method, plans[method][name])
                    found[f"{name} canceled"] = source
        covered |= {
            kind
            for name in found
            if name in plans[methods[0]]
            for kind in plans[methods[0]][name].kinds
        }
    return found


def _transfers(planner: CallPlanner, wallets: Wallets) -> dict[str, Source]:
    plans = {
        method: _single_call(planner, wallets, "transfers", method, _TRANSFER_KINDS.get(method, ""))
        for methods in _TRANSACTIONS
        for method in methods
    }
    whole = next((m for m in _TRANSACTIONS if all(plans[method] for method in m)), ())
    transfers = _single_call(planner, wallets, "transfers", "fetchTransfers", "transfer")
    # an exchange may only have deposits
    chosen = [plans[method] for method in whole or plans]
    return {name: source for plan in [*chosen, transfers] for name, source in plan.items()}


def _candles(planner: CallPlanner) -> dict[str, Source]:
    plan = planner.candles(DAYS_OF_CCXT, LIMIT_OF_CCXT)
    return {plan.name: candles_of_ccxt(window(plan, LIMIT_OF_CCXT))} if plan else {}


def _single_call(
    planner: CallPlanner, wallets: Wallets, dataset: str, method: str, kind: str
) -> dict[str, Source]:
    plan = planner.single_call(method)
    if plan is None:
        return {}
    name = unified(method).removeprefix("fetch_").replace("_", " ")
    return {name: _history(planner, wallets, dataset, method, plan, kind)}


def _history(
    planner: CallPlanner,
    wallets: Wallets,
    dataset: str,
    method: str,
    plan: CallPlan,
    kind: str = "",
) -> Source:
    category = (
        plan.category if plan.category in ccxt_overrides.CATEGORIES else planner.categories[0]
    )
    days = planner.claims.limit(category, method, "daysBack")
    claimed = planner.claims.limit(category, method, "limit")
    limit = ccxt_overrides.LIMITS.get((planner.name, method, plan.category), claimed)
    documented = ccxt_overrides.DOCUMENTED.get((planner.name, method))
    return Source(
        Feed(
            unified(method),
            _paging(planner.name, dataset, method, plan),
            time=milliseconds("timestamp"),
            params={"limit": documented.limit} if documented else {},
            between=window(plan, None if documented else limit),
            window=_DAY if plan.windowed else None,
            horizon=timedelta(days=days) if days else None,
            documented=documented,
        ),
        wallet=_wallet(wallets, plan),
        parse="",
        category=plan.category or ("contract" if dataset == "funding" else ""),
        per_market="symbol" if plan.per_market else "",
        by_name=plan.per_market,
        kept=ccxt_overrides.KEPT.get((planner.name, dataset), timedelta()),
        kind=kind,
        amend=completed(
            planner.name,
            dataset,
            method,
            [wallet.name for wallet in wallets],
            asset=str(plan.params.get("settle", "")).upper(),
        ),
    )


def _paging(exchange: str, dataset: str, method: str, plan: CallPlan) -> Windows | Bisect:
    by_row_time = (
        dataset in _FILTERED_BY_ROW_TIME
        and (exchange, method) not in ccxt_overrides.FILTERED_BY_ANOTHER_TIME
    )
    return _WINDOWS if by_row_time or not plan.windowed else _BISECT


def _listing(plan: CallPlan, method: str) -> Feed:
    """The feed of a list of what is currently open or held."""
    return Feed(unified(method), Whole(), {"params": dict(plan.params)})


def _now(wallets: Wallets, plan: CallPlan) -> Source:
    return Source(
        _listing(plan, "fetchOpenOrders"),
        _wallet(wallets, plan),
        "",
        plan.category,
        per_market="symbol" if plan.per_market else "",
        by_name=plan.per_market,
        amend=completed("", "orders", "fetchOpenOrders", [w.name for w in wallets]),
    )


def _order_by_id(
    has: bool, wallets: Wallets, category: str, market: str, order_id: str
) -> tuple[Source, ...]:
    """`market`: the raw id, which ccxt accepts instead of a symbol."""
    if not has:
        return ()
    arguments = {"id": order_id, "symbol": market}
    feed = Feed("fetch_order", Whole(), arguments, rows=lambda order: [order])
    amend = completed("", "orders", "fetchOrder", [w.name for w in wallets])
    wallet = _wallet(wallets, CallPlan(category, category))
    return (Source(feed, wallet, "", category, amend=amend),)


def _tickers(planner: CallPlanner) -> dict[str, Mapping[str, Any]]:
    """Category -> parameters; the same ones if one call lists several categories."""
    found: dict[str, Mapping[str, Any]] = {}
    for plan in planner.by_market(
        "fetchTickers", windowed=False, symbols=False, scoped=False
    ).values():
        for category in planner.categories:
            if category in plan.kinds:
                found[category] = plan.params
    return found


def _remarks(planner: CallPlanner, venue: Venue) -> list[str]:
    found = list(KNOWN_GAPS.get(planner.name, ()))
    wanted = planner.run.ccxt.requiredCredentials
    missing = [n for n in wanted if wanted[n] and n not in ("apiKey", "secret", "password")]
    if planner.name in PUBLIC:
        found.append("the key is the account's address, without a secret")
    elif missing:
        found.append(f"credentials include {' and '.join(missing)}")
    for applies, remark in (
        (_is_per_market, "one request per market"),
        (_has_no_window, "no time filter, a gap if there are more rows than in one answer"),
        (_has_no_end, "no end time, a gap if there are more rows than in one answer"),
    ):
        datasets = [
            d for d, sources in venue.histories.items() if any(map(applies, sources.values()))
        ]
        if datasets:
            found.append(f"{', '.join(datasets)}: {remark}")
    for dataset, methods in _METHODS.items():
        kinds = {
            kind
            for method, kind in planner.refused
            if method in methods and kind in ccxt_overrides.CATEGORIES
        }
        listed = set().union(*(planner.listed.get(method, set()) for method in methods))
        if dataset in venue.histories and (left_out := sorted(kinds - listed)):
            found.append(f"{dataset}: without {', '.join(left_out)}")
    if why := planner.refused.get(("fetchOHLCV", "spot")):
        found.append(f"candles: not read, since {why}")
    return found


def _is_per_market(source: Source) -> bool:
    return bool(source.per_market) and not source.for_prices


def _has_no_window(source: Source) -> bool:
    return source.feed.window is None


def _has_no_end(source: Source) -> bool:
    params = source.feed.between(SINCE, UNTIL)["params"]
    return not _has_no_window(source) and "until" not in params and not arrives(UNTIL, params)


_METHODS = {
    "trades": ("fetchMyTrades",),
    "orders": tuple(method for methods in _ORDERS for method in methods),
    "funding": ("fetchFundingHistory",),
}


__all__ = ["Description", "describe", "generic"]
