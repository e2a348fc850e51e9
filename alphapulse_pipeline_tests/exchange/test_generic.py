"""All exchanges of the installed ccxt: the requests they would get, without a network."""

import socket
from collections.abc import Iterator, Mapping
from typing import Any

import aiohttp
import pytest

from alphapulse_pipeline.datasets import HISTORIES
from alphapulse_pipeline.exchange.feed import Feed
from alphapulse_pipeline.exchange.venues import VENUES, Source, Venue, ccxt_overrides, venue_of
from alphapulse_pipeline.exchange.venues.call_plans import CallPlan, CallPlanner
from alphapulse_pipeline.exchange.venues.dry_run import (
    SINCE,
    SYMBOLS,
    UNTIL,
    Answer,
    DryRun,
    Outcome,
    arrives,
    units,
)
from alphapulse_pipeline.exchange.venues.generic import describe, generic
from alphapulse_pipeline.exchange.walker import Windows
from alphapulse_pipeline.exchange.walker.bisect import Bisect
from alphapulse_pipeline.settings.accounts import exchanges

ALL = tuple(exchange for exchange in exchanges() if exchange not in VENUES)
CCXTS_OWN = {"type", "subType", "defaultSubType", "until", "v3"}


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> Any:
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(aiohttp.ClientSession, "_request", refuse)


def feeds(venue: Venue) -> Iterator[tuple[str, Source]]:
    for dataset in HISTORIES:
        for name, source in venue.histories.get(dataset, {}).items():
            yield f"{dataset} {name}", source


def asked(run: DryRun, source: Source, params: dict[str, Any]) -> Answer:
    """What a feed's call becomes, for a market of the source's where it lists one at a time."""
    symbol = {source.per_market: SYMBOLS[source.category]} if source.per_market else {}
    return run.ask(source.feed.method, **{**source.feed.params, **params, **symbol})


@pytest.mark.parametrize("exchange", ALL)
def test_the_venue_is_made_offline_and_its_requests_contain_whole_windows(exchange: str) -> None:
    describe.cache_clear()
    venue, run = generic(exchange), DryRun(exchange)
    assert venue.wallets
    for name, source in feeds(venue):
        feed = source.feed
        assert feed.method.startswith("fetch_")
        assert callable(getattr(run.ccxt, feed.method)), name
        assert isinstance(feed.paging, Windows | Bisect)
        assert source.kept is not None
        assert source.parse == ""
        answer = asked(run, source, dict(feed.between(SINCE, UNTIL)))
        if answer.outcome is Outcome.UNKNOWN:
            continue  # cannot be determined offline
        assert answer.outcome is Outcome.SENDS, f"{name}: {answer.reason}"
        assert_nothing_of_ccxts_own(answer, name)
        window = feed.between(SINCE, UNTIL)
        assert_own_parameters_arrive(answer, window["params"], name)
        # some lists of candles are requested by their end and their length
        if feed.window and not source.for_prices:
            assert arrives(SINCE, answer.params), name
        if "until" in window["params"]:
            assert arrives(UNTIL, answer.params), name
    now = [(source.feed.method, source.feed.params, source) for source in listings(venue)]
    for method, params, source in now:
        answer = asked(run, source, {})
        assert answer.outcome in (Outcome.SENDS, Outcome.UNKNOWN), answer.reason
        if answer.outcome is Outcome.SENDS:
            assert_own_parameters_arrive(answer, params["params"], method)
    for wallet in venue.wallets:
        answer = run.ask("fetch_balance", params=dict(wallet.params))
        if answer.outcome is Outcome.SENDS:
            assert_own_parameters_arrive(answer, wallet.params, f"wallet {wallet.name}")


def listings(venue: Venue) -> tuple[Source, ...]:
    return (*venue.positions, *venue.open_orders)


def assert_own_parameters_arrive(answer: Answer, params: Mapping[str, Any], name: str) -> None:
    for own in params.keys() - CCXTS_OWN:
        assert own in answer.params, name
        if isinstance(params[own], str) and own not in times_of(params):
            assert answer.params[own] == params[own], name


def times_of(params: Mapping[str, Any]) -> set[str]:
    return {own for own in params if arrives(SINCE, {own: params[own]})} | {
        own for own in params if arrives(UNTIL, {own: params[own]})
    }


def assert_nothing_of_ccxts_own(answer: Answer, name: str) -> None:
    """A strict exchange rejects unknown parameters, a lenient one may misinterpret them:
    hyperliquid's own `type` selects the request."""
    if not arrives(UNTIL, answer.params):  # else ccxt sends it twice, by its own doing
        assert "until" not in answer.params, name
    assert answer.params.get("subType") not in ("linear", "inverse"), name
    assert answer.params.get("type") not in ("spot", "swap", "future", "option"), name


@pytest.mark.parametrize("exchange", ALL)
def test_a_dataset_is_supported_with_streams_or_not_at_all(exchange: str) -> None:
    venue = venue_of(exchange)
    for dataset in HISTORIES:
        assert venue.supports(dataset) is bool(venue.histories.get(dataset))
    assert all(venue.histories.values())
    assert venue.supports("positions") is bool(venue.positions)
    assert venue.supports("prices") is bool(venue.tickers)
    assert len({repr(wallet) for wallet in venue.wallets}) == len(venue.wallets)


def test_overrides_apply_to_something() -> None:
    """An override that applies to nothing must be removed."""
    methods = {(e, m) for e in ALL for m in DryRun(e).ccxt.has}
    keys = [
        *ccxt_overrides.ENDS,
        *ccxt_overrides.STARTS,
        *ccxt_overrides.PER_MARKET,
        *ccxt_overrides.UNUSABLE,
        *ccxt_overrides.UNITS,
        *ccxt_overrides.DOCUMENTED,
        *((exchange, method) for exchange, method, _ in ccxt_overrides.LIMITS),
        *ccxt_overrides.FILTERED_BY_ANOTHER_TIME,
    ]
    assert [key for key in keys if key[1] and key not in methods] == []
    named = {exchange for exchange, _ in [*keys, *ccxt_overrides.SCOPES, *ccxt_overrides.IDS]}
    assert sorted(named - set(ALL)) == []


def trades(exchange: str) -> dict[str, Source]:
    return dict(generic(exchange).histories["trades"])


def window_of(feed: Feed) -> dict[str, Any]:
    return dict(feed.between(SINCE, UNTIL))


def test_claims_about_symbols_are_not_trusted() -> None:
    # claimed to be needed, and not
    assert not trades("hyperliquid")["all"].per_market
    assert not any(source.per_market for source in trades("deribit").values())
    # needed, and not claimed
    assert trades("htx")["linear"].per_market == "symbol"
    assert not trades("htx")["spot"].per_market
    assert trades("btse")["spot"].per_market
    assert not trades("btse")["swap"].per_market
    assert trades("hashkey")["linear"].per_market
    assert not trades("hashkey")["spot"].per_market


def test_an_end_that_ccxt_ignores_uses_the_exchanges_own_parameter() -> None:
    names = {"deribit": "end_timestamp", "bitfinex": "end", "mexc": "end_time", "hitbtc": "till"}
    for exchange, name in names.items():
        source = trades(exchange).get("linear") or next(iter(trades(exchange).values()))
        answer = asked(DryRun(exchange), source, window_of(source.feed))
        assert arrives(UNTIL, {name: answer.params[name]})


@pytest.mark.parametrize(
    ("value", "unit"),
    [
        (SINCE, "ms"),
        (str(SINCE // 1000), "s"),
        (f"{SINCE // 1000}.000", "s"),
        (SINCE * 1000, "us"),
        (SINCE * 1_000_000, "ns"),
        ("2026-09-21T14:13:20.000Z", "date"),
    ],
)
def test_the_unit_of_a_time_is_recognized(value: Any, unit: str) -> None:
    params = {"nested": [{"from": value}]}
    assert units(SINCE, params) == {unit}
    assert arrives(SINCE, params, unit)
    assert not arrives(SINCE, params, "ms" if unit == "s" else "s")


def test_a_window_whose_ends_differ_in_their_unit_is_not_used() -> None:
    """ccxt sends Bitbank's start in seconds; the end is sent in milliseconds."""
    feed = trades("bitbank")["all"].feed
    assert feed.window is None
    assert window_of(feed) == {"limit": 1000, "params": {}}


def test_gates_fills_are_kept_when_they_are_outside_of_the_window() -> None:
    """Gate filters fills by the time that their order ended."""
    assert isinstance(trades("gate")["spot"].feed.paging, Bisect)


def test_scopes_of_which_ccxt_would_choose_one_are_all_requested() -> None:
    run, found = DryRun("deribit"), trades("deribit")
    currencies = [asked(run, s, window_of(s.feed)).params["currency"] for s in found.values()]
    assert sorted(currencies) == sorted(found)
    assert set(found) == {"BTC", "ETH", "USDC", "USDT", "EURR"}
    run, found = DryRun("gate"), trades("gate")
    settled = {n: asked(run, s, window_of(s.feed)).params.get("settle") for n, s in found.items()}
    assert settled == {
        "spot": None,
        "swap usdt": "usdt",
        "swap btc": "btc",
        "future usdt": "usdt",
        "future btc": "btc",
        "option": None,
    }


def test_positions_of_all_settlement_coins_are_requested() -> None:
    run, positions = DryRun("bitget"), generic("bitget").positions
    products = {asked(run, source, {}).params["productType"] for source in positions}
    assert products == {"USDT-FUTURES", "USDC-FUTURES", "COIN-FUTURES"}


def test_orders_come_from_the_most_complete_list() -> None:
    orders = generic("weex").histories["orders"]
    assert {name: source.feed.method for name, source in orders.items()} == {
        "spot": "fetch_orders",
        "swap": "fetch_canceled_and_closed_orders",
    }
    methods = {s.feed.method for s in generic("okxus").histories["orders"].values()}
    assert methods == {"fetch_closed_orders", "fetch_canceled_orders"}


def test_a_list_of_recent_orders_is_not_a_history() -> None:
    assert not generic("krakenfutures").supports("orders")
    for exchange in ALL:
        for source in generic(exchange).histories.get("orders", {}).values():
            if source.feed.window is None and source.feed.method == "fetch_orders":
                closed = plans(exchange, "fetchClosedOrders")
                assert not any(plan.windowed for plan in closed), exchange


def plans(exchange: str, method: str) -> list[CallPlan]:
    return list(CallPlanner(exchange).by_market(method).values())


def test_limit_and_retention_come_from_the_claims() -> None:
    feed = trades("hashkey")["spot"].feed
    assert feed.horizon is not None
    assert (feed.between(SINCE, UNTIL)["limit"], feed.horizon.days) == (1000, 30)
    assert trades("coinbase")["all"].feed.horizon is None


def test_a_list_per_currency_is_not_supported() -> None:
    assert not generic("deribit").supports("transfers")
    with pytest.raises(ImportError):
        venue_of("no_such_exchange")
