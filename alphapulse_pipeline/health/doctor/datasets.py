"""One call of each endpoint that a dataset is read from: which are denied, missing or failing."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Iterator, Mapping
from contextlib import closing, nullcontext
from dataclasses import replace
from datetime import timedelta
from types import MappingProxyType
from typing import Any

from alphapulse_pipeline.exchange.client import ExchangeClient
from alphapulse_pipeline.exchange.errors import ExchangeFailure, Kind
from alphapulse_pipeline.exchange.feed import to_milliseconds
from alphapulse_pipeline.exchange.venues import Source, Venue, Wallet
from alphapulse_pipeline.exchange.walker.offered import Offered, refusals_are_states
from alphapulse_pipeline.exchange.wallets import fetch_balance
from alphapulse_pipeline.health.doctor.result import Finding, failed, ok, warning

_WINDOW = timedelta(minutes=1)

Call = Callable[[], Awaitable[Any]]


def ask(
    client: ExchangeClient,
    venue: Venue,
    dataset: str,
    skipped: Collection[str] = (),
    closed: Mapping[tuple[str, str], str] = MappingProxyType({}),
) -> Finding:
    """Call each of the dataset's endpoints once, for the last minute, except for skipped wallets
    and closed streams.

    Endpoints that need a market are called for one market.
    """
    calls: dict[str, Call] = {}
    for name, call in _calls(client, venue, dataset, skipped, closed):
        calls[name if name not in calls else f"{name} ({len(calls)})"] = call
    errors: dict[str, Exception] = {}
    with closing(client.stream({name: _once(call) for name, call in calls.items()})) as streams:
        for items in streams:
            errors |= {name: item for name, item in items if isinstance(item, Exception)}
    states = (Kind.NOT_ENABLED, Kind.NOT_OFFERED)
    not_enabled = {n for n, e in errors.items() if getattr(e, "kind", None) in states}
    errors = {name: errors[name] for name in calls if name in errors and name not in not_enabled}
    not_read = not_enabled | {stream for name, stream in closed if name == dataset}
    rest = f"; not enabled: {', '.join(sorted(not_read))}" if not_read else ""
    if not errors:
        answered = ", ".join(name for name in calls if name not in not_enabled) or "nothing to read"
        if not calls and dataset == "books":
            return ok("the exchange gives no totals")
        return ok(f"{answered}: answered{rest}" if calls else "all of its wallets are skipped")
    by_problem = _by_problem(errors)
    parts = [f"{', '.join(names)}: {problem}" for problem, names in by_problem.items()]
    if answered := ", ".join(n for n in calls if n not in errors and n not in not_enabled):
        parts.append(f"answered: {answered}")
    fixes = dict.fromkeys(_fix(errors[names[0]]) for names in by_problem.values())
    # without the totals of its books an account is read all the same
    known = (Kind.UNSUPPORTED, Kind.PERMISSION) if dataset == "books" else (Kind.UNSUPPORTED,)
    lacking = all(getattr(error, "kind", None) in known for error in errors.values())
    finding = warning if lacking else failed
    return finding("; ".join(parts) + rest, "; ".join(fixes))


def _fix(error: Exception) -> str:
    if isinstance(error, ExchangeFailure) and error.kind is not Kind.INCOMPLETE:
        return error.fix
    return "please report it with the exchange and the dataset"


def _by_problem(errors: Mapping[str, Exception]) -> dict[str, list[str]]:
    """Problem -> the endpoints that failed with it."""
    found: dict[str, list[str]] = {}
    for name, error in errors.items():
        text = error.problem if isinstance(error, ExchangeFailure) else repr(error)
        found.setdefault(text, []).append(name)
    return found


async def _once(call: Call) -> AsyncGenerator[None, None]:
    await call()
    yield None


def _calls(
    client: ExchangeClient,
    venue: Venue,
    dataset: str,
    skipped: Collection[str],
    closed: Mapping[tuple[str, str], str],
) -> Iterator[tuple[str, Call]]:
    match dataset:
        case "balances":
            for wallet in (w for w in venue.wallets if w.name not in skipped):
                yield wallet.name, _balance(client, wallet)
        case "positions":
            yield "margin mode", lambda: venue.margin_mode(client.request)
            for source in (s for s in venue.positions if s.wallet not in skipped):
                yield from _listed(client, label(source), source)
        case "prices":
            seen: list[Mapping[str, Any]] = []
            for category, params in venue.tickers.items():
                if params not in seen:  # one call may list several categories
                    seen.append(params)
                    yield category, _tickers(client, params)
        case "books":
            if (books := venue.books) is not None:
                yield "totals", lambda: books.ask(client.request)
        case _:
            for name, source in venue.histories[dataset].items():
                if source.wallet not in skipped and (dataset, name) not in closed:
                    yield from _listed(client, name, source)
            if dataset == "orders":
                for source in (s for s in venue.open_orders if s.wallet not in skipped):
                    yield from _listed(client, f"open {label(source)}", source)


def _listed(client: ExchangeClient, name: str, source: Source) -> Iterator[tuple[str, Call]]:
    feed = source.feed
    if source.per_market:
        market = _some_market(client, source)
        if market is None:
            return
        name_there = market["symbol"] if source.by_name else market["id"]
        feed = replace(feed, params={**feed.params, source.per_market: name_there})
    now = client.now()
    window = feed.between(to_milliseconds(now - _WINDOW), to_milliseconds(now))

    offered = isinstance(feed.paging, Offered)

    async def call() -> Any:
        with refusals_are_states() if offered else nullcontext():
            answer = await client.request(feed.method, {**feed.params, **window})
        for row in feed.read(answer):
            feed.check(row)

    yield name, call


def _balance(client: ExchangeClient, wallet: Wallet) -> Call:
    return lambda: fetch_balance(client, wallet)


def _tickers(client: ExchangeClient, params: Mapping[str, Any]) -> Call:
    return lambda: client.ccxt.fetch_tickers(None, dict(params))


def _some_market(client: ExchangeClient, source: Source) -> Any:
    """An active market that the endpoint accepts, or None if the exchange lists none."""
    return next(
        (
            market
            for market in client.ccxt.markets.values()
            if market.get(source.category)
            and market.get("active") is not False
            and (not source.listed_for or market.get(source.listed_for))
        ),
        None,
    )


def label(source: Source) -> str:
    """A name that distinguishes the source: its parameters, else its wallet and category."""
    values = [value for value in source.feed.params.values() if isinstance(value, str)]
    words = [value for value in values if value not in ("TRUE", "FALSE")]
    return " ".join(words or dict.fromkeys((source.wallet, source.category)))
