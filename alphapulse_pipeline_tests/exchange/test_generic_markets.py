"""Names of ccxt's symbols: a market keeps its name after it is delisted."""

from typing import Any

import pytest

from alphapulse_pipeline.exchange.lean_import import exchange_class
from alphapulse_pipeline.exchange.markets import Markets, unlisted_market


def listing(symbol: str, raw_id: str, **more: Any) -> dict[str, Any]:
    category = "spot" if ":" not in symbol else "linear"
    return {**unlisted_market(symbol, category), "id": raw_id, "active": True, **more}


SPOT = listing("LUNA/USDT", "LUNAUSDT")
SWAP = listing("LUNA/USDT:USDT", "LUNAUSDT")
COIN = listing("LUNA/USD:LUNA", "LUNAUSD")
DATED = listing("LUNA/USDT:USDT-261225", "LUNAUSDT_261225")
OTHER = listing("BTC/USDT", "BTCUSDT")


class Exchange:
    """What an exchange lists, and Markets over it that know what earlier sessions named."""

    def __init__(self, *listed: dict[str, Any]) -> None:
        self.ccxt = exchange_class("bitget")({})
        self.list(*listed)
        self.reloads = 0
        self.names: list[tuple[str, str, str]] = []

    def list(self, *listed: dict[str, Any]) -> None:
        self.ccxt.set_markets(list(listed))

    def session(self) -> Markets:
        markets = Markets(self.ccxt, lambda raw_id, _: raw_id, self._reload)
        markets.remember(self.names)
        for row in markets.listed(None):  # type: ignore[arg-type]
            self.names.append((row["raw_id"], row["type"], row["market"]))
        return markets

    def end(self, markets: Markets) -> None:
        self.names += [(m["id"], m["type"], m["symbol"]) for m in markets.unlisted]

    def _reload(self, markets: Markets) -> None:
        self.reloads += 1


@pytest.mark.parametrize(
    ("symbol", "category", "raw", "name"),
    [
        ("LUNAUSDT", "spot", {}, "LUNA/USDT"),
        ("LUNAUSDT", "linear", {}, "LUNA/USDT:USDT"),
        ("LUNA/USDT", "linear", {"symbol": "LUNAUSDT"}, "LUNA/USDT:USDT"),
        ("LUNA/USDT", "contract", {"symbol": "LUNAUSDT_261225"}, "LUNA/USDT:USDT-261225"),
        ("LUNA/USD", "inverse", {}, "LUNA/USD:LUNA"),
        ("LUNA/USD", "", {}, "LUNA/USD:LUNA"),
        ("LUNA/USDT:USDT-261225", "", {}, "LUNA/USDT:USDT-261225"),
    ],
)
def test_a_delisted_market_keeps_its_name(
    symbol: str, category: str, raw: dict[str, str], name: str
) -> None:
    exchange = Exchange(SPOT, SWAP, COIN, DATED, OTHER)
    before = exchange.session()
    listed = {market["symbol"]: market for market in exchange.ccxt.markets.values()}
    assert before.named(name, "", {}) == listed[name]["symbol"]
    exchange.list(OTHER)
    after = exchange.session()
    assert after.named(symbol, category, raw) == name
    assert after.unlisted == []
    assert exchange.reloads == 0


def test_a_guess_is_not_the_spot_market_that_is_still_listed() -> None:
    exchange = Exchange(SPOT, SWAP)
    exchange.session()
    exchange.list(SPOT)
    markets = exchange.session()
    assert markets.named("LUNA/USDT", "linear", {}) == "LUNA/USDT:USDT"
    assert markets.named("LUNA/USDT", "spot", {}) == "LUNA/USDT"


@pytest.mark.parametrize(
    ("category", "names"),
    [
        ("", ("GONEUSDT", "OLD/USDT")),
        ("spot", ("GONEUSDT", "OLD/USDT")),
        ("linear", ("GONEUSDT:linear", "OLD/USDT:USDT")),
        ("inverse", ("GONEUSDT:inverse", "OLD/USDT:OLD")),
        ("option", ("GONEUSDT:option", "OLD/USDT:option")),
        ("contract", ("GONEUSDT:contract", "OLD/USDT:USDT")),
    ],
)
def test_a_market_that_was_never_listed_is_named_once_and_for_all(
    category: str, names: tuple[str, str]
) -> None:
    exchange = Exchange(OTHER)
    first = exchange.session()
    assert [first.named(s, category, {}) for s in ("GONEUSDT", "OLD/USDT")] == list(names)
    assert [first.named(s, category, {}) for s in ("GONEUSDT", "OLD/USDT")] == list(names)
    assert exchange.reloads == 1  # once is enough
    assert [market["symbol"] for market in first.unlisted] == list(names)
    exchange.end(first)
    second = exchange.session()
    assert [second.named(s, category, {}) for s in ("GONEUSDT", "OLD/USDT")] == list(names)
    assert second.unlisted == []


def test_a_market_that_is_listed_again_comes_back_under_its_name() -> None:
    exchange = Exchange(OTHER)
    first = exchange.session()
    assert first.named("LUNAUSDT", "spot", {}) == "LUNAUSDT"
    exchange.end(first)
    exchange.list(OTHER, SPOT)
    assert exchange.session().named("LUNA/USDT", "spot", {}) == "LUNAUSDT"


def test_a_delisted_market_is_added_to_ccxt() -> None:
    exchange = Exchange(SPOT, SWAP, OTHER)
    exchange.session()
    exchange.list(OTHER)
    markets = exchange.session()
    symbol = markets.symbol("LUNA/USDT:USDT")
    market = exchange.ccxt.market(symbol)
    assert (market["id"], market["type"], market["settle"]) == ("LUNAUSDT", "swap", "USDT")
    assert markets.named(market["symbol"], "linear", {}) == "LUNA/USDT:USDT"
    assert markets.symbol("BTC/USDT") == "BTC/USDT"
