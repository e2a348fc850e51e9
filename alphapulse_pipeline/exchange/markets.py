"""Names of markets: a name once given never changes.

An exchange that delists a market answers with raw ids that ccxt no longer knows, and a market
that came back under a second name would double its fills. So every raw id ever resolved is kept,
and what was kept wins over what ccxt would say today.

Rows come with raw ids, which `resolve` names; ccxt's own structures come with its symbols, which
`named` names: of a market that is gone, ccxt's symbol is the raw id or a guess.
"""

import importlib.metadata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from alphapulse_pipeline.datasets.values import Row, number

CATALOGUE_LASTS = timedelta(days=1)
"""So long a stored catalogue of markets does, if the same ccxt wrote it."""


def ccxt_version() -> str:
    return importlib.metadata.version("ccxt")


@dataclass
class Markets:
    """Resolves raw ids inside a category (one of ccxt's flags: spot, linear, inverse, ...)."""

    exchange: Any
    """The ccxt exchange, its markets loaded."""
    delisted: Callable[[str, str], str]
    """(raw id, category) -> the unified symbol of a market that is no longer listed."""
    reload: Callable[["Markets"], None]
    """Asks the exchange for its markets again; called at most once, for an unknown id."""

    def __post_init__(self) -> None:
        self._names: dict[tuple[str, bool], str] = {}
        self._found: dict[tuple[str, str], dict[str, Any]] = {}
        self._reloaded = False
        self.unlisted: list[dict[str, Any]] = []
        """Markets that were named here because no listing has them."""

    def remember(self, known: Iterable[tuple[str, str, str]]) -> None:
        """Take over names given earlier: (raw id, type, name)."""
        self._names |= {(raw_id, kind == "spot"): name for raw_id, kind, name in known}

    def resolve(self, raw_id: str, category: str) -> tuple[str, dict[str, Any]]:
        """The name, and ccxt's market structure to parse rows with."""
        market = self._found.get((raw_id, category)) or self._find(raw_id, category)
        self._found[raw_id, category] = market
        return self.name(market), market

    def name(self, market: dict[str, Any]) -> str:
        """The name that a market of ccxt's was first given."""
        return self._names.setdefault((market["id"], bool(market["spot"])), market["symbol"])

    def named(self, symbol: str, category: str, raw: Mapping[str, Any]) -> str:
        """The name of the market that a structure of ccxt's says it is on.

        `category`: a flag that the market has; empty where it is not known. `raw`: the exchange's
        row, whose values may tell the market's raw id.
        """
        name = self._named(symbol, category) or self._remembered(symbol, category, raw)
        if not name and not self._reloaded:
            self._reloaded = True
            self.reload(self)
            name = self._named(symbol, category)
        return name or self._new(symbol, category)

    def symbol(self, name: str) -> str:
        """What ccxt takes for the market of a name; it is told of one that is gone."""
        raw_id, spot = next(key for key, known in self._names.items() if known == name)
        for market in self.exchange.markets_by_id.get(raw_id, []):
            if bool(market["spot"]) == spot:
                return str(market["symbol"])
        gone = self.exchange.safe_market_structure(
            unlisted_market(name, _category(name, spot), raw_id)
        )
        self.exchange.markets[name] = gone
        self.exchange.markets_by_id.setdefault(raw_id, []).append(gone)
        return name

    def listed(self, seen_at: datetime) -> list[Row]:
        """All listed markets as rows of `markets`, under the names they were first given."""
        rows = {}
        for market in self.exchange.markets.values():
            name = self.name(market)
            rows[name] = market_row(name, market, seen_at)
        return list(rows.values())

    def _named(self, symbol: str, category: str) -> str:
        market = self.exchange.markets.get(symbol)
        return self.name(market) if market and (not category or market.get(category)) else ""

    def _remembered(self, symbol: str, category: str, raw: Mapping[str, Any]) -> str:
        """The name given earlier to a market that ccxt no longer lists under `symbol`."""
        # a guess is base and quote alone, whatever the market is
        alike = {
            raw_id: name
            for (raw_id, spot), name in self._names.items()
            if symbol in (raw_id, name, name.partition(":")[0])
            and _fits(_category(name, spot), category)
        }
        told = {symbol} | {str(value) for value in raw.values()}
        for names in (
            {name for raw_id, name in alike.items() if raw_id in told},
            {name for name in alike.values() if name == symbol},
            set(alike.values()),
        ):
            if names:
                return names.pop() if len(names) == 1 else ""
        return ""

    def _new(self, symbol: str, category: str) -> str:
        market = dict(self.exchange.safe_market_structure(unlisted_market(symbol, category)))
        name = self.name(market)
        self.unlisted.append({**market, "symbol": name})
        return name

    def _find(self, raw_id: str, category: str) -> dict[str, Any]:
        if market := self._listed(raw_id, category):
            return market
        known = (raw_id, category == "spot") in self._names
        if not known and not self._reloaded:
            self._reloaded = True
            self.reload(self)
            if market := self._listed(raw_id, category):
                return market
        if category == "option":
            # ccxt reads expired options off their ids
            market = dict(self.exchange.safe_market(raw_id))
        else:
            symbol = self.delisted(raw_id, category)
            market = dict(
                self.exchange.safe_market_structure(unlisted_market(symbol, category, raw_id))
            )
        if not known:
            self.unlisted.append(market)
        return market

    def _listed(self, raw_id: str, category: str) -> dict[str, Any] | None:
        candidates: list[dict[str, Any]] = self.exchange.markets_by_id.get(raw_id) or [
            # Kraken's orders name their markets in another way than its trades
            market
            for market in self.exchange.markets.values()
            if market.get("altname") == raw_id
        ]
        return next((m for m in candidates if m.get(category)), None)


def pair_of(raw_id: str, quotes: Iterable[str]) -> tuple[str, str]:
    """Base and quote that a raw id is made of; no quote where it ends with none of them."""
    quote = next((q for q in quotes if raw_id.endswith(q) and raw_id != q), "")
    return raw_id.removesuffix(quote) if quote else raw_id, quote


def unified(raw_id: str, base: str, quote: str, category: str, expiry: str = "") -> str:
    """ccxt's symbol of a market: BTC/USDT, BTC/USDT:USDT, BTC/USD:BTC-260327; else its raw id."""
    if not quote:
        return raw_id
    settle = {"spot": "", "inverse": base}.get(category, quote)
    return f"{base}/{quote}" + (f":{settle}" if settle else "") + (f"-{expiry}" if expiry else "")


def unlisted_market(symbol: str, category: str, raw_id: str = "") -> dict[str, Any]:
    """ccxt's structure of a market of which nothing is known but a symbol, or a raw id."""
    pair, _, rest = symbol.partition(":")
    base, _, quote = pair.partition("/")
    settle, _, more = rest.partition("-")
    contract = category not in ("", "spot") or bool(settle)
    if contract and quote and not settle and category != "option":
        settle = base if category == "inverse" else quote
        symbol = f"{pair}:{settle}"
    elif contract and not settle:
        symbol = f"{symbol}:{category}"  # a spot market may have the same raw id
    option = category == "option" or more.endswith(("-C", "-P"))
    kind = "option" if option else "future" if more else "swap" if contract else "spot"
    return {
        "id": raw_id or (symbol if rest else pair),
        "symbol": symbol,
        "base": base if quote else None,
        "quote": quote or None,
        "settle": settle or None,
        "baseId": base if quote else None,
        "quoteId": quote or None,
        "settleId": settle or None,
        "type": kind,
        "spot": kind == "spot",
        "margin": False,
        "swap": kind == "swap",
        "future": kind == "future",
        "option": kind == "option",
        "contract": contract,
        "linear": settle == quote if contract and not option else None,
        "inverse": settle == base if contract and not option else None,
        "contractSize": None,
        "active": False,
    }


def _category(name: str, spot: bool) -> str:
    """A market's category, read off its name."""
    if spot:
        return "spot"
    pair, _, rest = name.partition(":")
    settle, _, more = rest.partition("-")
    if rest == "option" or more.endswith(("-C", "-P")):
        return "option"
    if rest == "inverse":
        return rest
    return "inverse" if settle and settle == pair.partition("/")[0] else "linear"


def _fits(category: str, wanted: str) -> bool:
    return wanted in ("", category) or (wanted == "contract" and category != "spot")


def market_row(name: str, market: dict[str, Any], seen_at: datetime) -> Row:
    """A row of `markets`."""
    return {
        "market": name,
        "raw_id": market["id"],
        "type": market["type"],
        "base": market.get("base"),
        "quote": market.get("quote"),
        "settle": market.get("settle"),
        "contract_size": number(market.get("contractSize")),
        "active": market.get("active") is not False,
        "seen_at": seen_at,
    }
