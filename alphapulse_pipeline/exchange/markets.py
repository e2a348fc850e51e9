"""Names of markets: once assigned, a name never changes.

After a delisting, rows carry raw ids that ccxt no longer knows, and a market that returned under a
second name would have its fills stored twice. So every raw id ever resolved is stored, and the
stored name takes precedence over ccxt's current one.

`resolve` names the raw ids in rows; `named` names the symbols in ccxt's structures: for a delisted
market, ccxt's symbol is the raw id or a guess.
"""

import importlib.metadata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from alphapulse_pipeline.datasets.values import Row, number

CATALOGUE_LASTS = timedelta(days=1)
"""How long a stored catalogue of markets is used, if the same version of ccxt wrote it."""


def ccxt_version() -> str:
    return importlib.metadata.version("ccxt")


@dataclass
class Markets:
    """Resolves raw ids inside a category (one of ccxt's flags: spot, linear, inverse, ...)."""

    exchange: Any
    """The ccxt exchange, with its markets loaded."""
    delisted: Callable[[str, str], str]
    """(raw id, category) -> the unified symbol of a delisted market."""
    reload: Callable[["Markets"], None]
    """Requests the exchange's markets again; called at most once, for an unknown id."""

    def __post_init__(self) -> None:
        self._names: dict[tuple[str, bool], str] = {}
        self._sizes: dict[str, str] = {}
        self._found: dict[tuple[str, str], dict[str, Any]] = {}
        self._reloaded = False
        self.unlisted: list[dict[str, Any]] = []
        """Markets that were named here because the exchange does not list them."""

    def remember(self, known: Iterable[tuple[str, str, str]]) -> None:
        """Add names assigned earlier: (raw id, type, name)."""
        self._names |= {(raw_id, kind == "spot"): name for raw_id, kind, name in known}

    def remember_sizes(self, known: Iterable[tuple[str, Decimal]]) -> None:
        """Add contract sizes learned earlier, by raw id: exchanges tell those of listed contracts
        only."""
        self._sizes |= {raw_id: f"{size:f}" for raw_id, size in known}

    def resolve(self, raw_id: str, category: str) -> tuple[str, dict[str, Any]]:
        """The name, and the ccxt market structure for parsing rows."""
        market = self._found.get((raw_id, category)) or self._find(raw_id, category)
        self._found[raw_id, category] = market
        return self.name(market), market

    def name(self, market: dict[str, Any]) -> str:
        """The name first assigned to a ccxt market."""
        return self._names.setdefault((market["id"], bool(market["spot"])), market["symbol"])

    def named(self, symbol: str, category: str, raw: Mapping[str, Any]) -> str:
        """The name of the market of a ccxt structure with this `symbol`.

        `category`: a flag that the market has; empty if unknown. `raw`: the exchange's row, whose
        values may include the market's raw id.
        """
        name = self._named(symbol, category) or self._remembered(symbol, category, raw)
        if not name and not self._reloaded:
            self._reloaded = True
            self.reload(self)
            name = self._named(symbol, category)
        return name or self._new(symbol, category)

    def symbol(self, name: str) -> str:
        """The symbol by which ccxt knows the named market; a delisted one is added to ccxt."""
        raw_id, spot = next(key for key, known in self._names.items() if known == name)
        for market in self.exchange.markets_by_id.get(raw_id, []):
            if bool(market["spot"]) == spot:
                return str(market["symbol"])
        delisted = self.exchange.safe_market_structure(
            unlisted_market(name, _category(name, spot), raw_id)
        )
        self.exchange.markets[name] = delisted
        self.exchange.markets_by_id.setdefault(raw_id, []).append(delisted)
        return name

    def listed(self, seen_at: datetime) -> list[Row]:
        """All listed markets as rows of `markets`, under their first names."""
        rows = {}
        for market in self.exchange.markets.values():
            name = self.name(market)
            rows[name] = market_row(name, market, seen_at)
        return list(rows.values())

    def _named(self, symbol: str, category: str) -> str:
        market = self.exchange.markets.get(symbol)
        return self.name(market) if market and (not category or market.get(category)) else ""

    def _remembered(self, symbol: str, category: str, raw: Mapping[str, Any]) -> str:
        """The name assigned earlier to a market that ccxt no longer lists under `symbol`."""
        # ccxt's guess is base and quote only, even for a contract
        candidates = {
            raw_id: name
            for (raw_id, spot), name in self._names.items()
            if symbol in (raw_id, name, name.partition(":")[0])
            and _fits(_category(name, spot), category)
        }
        values = {symbol} | {str(value) for value in raw.values()}
        for names in (
            {name for raw_id, name in candidates.items() if raw_id in values},
            {name for name in candidates.values() if name == symbol},
            set(candidates.values()),
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
            # ccxt parses the ids of expired options
            market = dict(self.exchange.safe_market(raw_id))
            if not self._has_options_of_size(market):
                market["contractSize"] = None  # ccxt says 1 for every exchange
        else:
            symbol = self.delisted(raw_id, category)
            market = dict(
                self.exchange.safe_market_structure(unlisted_market(symbol, category, raw_id))
            )
        if not market["spot"] and (size := self._sizes.get(raw_id)):
            market["contractSize"] = size
        if not known:
            self.unlisted.append(market)
        return market

    def _has_options_of_size(self, expired: Mapping[str, Any]) -> bool:
        """Whether a listed option of the same base has the contract size of an expired one."""
        return any(
            market.get("option")
            and market.get("base") == expired["base"]
            and number(market.get("contractSize")) == number(expired["contractSize"])
            for market in self.exchange.markets.values()
        )

    def _listed(self, raw_id: str, category: str) -> dict[str, Any] | None:
        candidates: list[dict[str, Any]] = self.exchange.markets_by_id.get(raw_id) or [
            # Kraken's orders use different market names than its trades
            market
            for market in self.exchange.markets.values()
            if market.get("altname") == raw_id
        ]
        return next((m for m in candidates if m.get(category)), None)


def pair_of(raw_id: str, quotes: Iterable[str]) -> tuple[str, str]:
    """Base and quote of a raw id; an empty quote if it ends with none of `quotes`."""
    quote = next((q for q in quotes if raw_id.endswith(q) and raw_id != q), "")
    return raw_id.removesuffix(quote) if quote else raw_id, quote


def unified(raw_id: str, base: str, quote: str, category: str, expiry: str = "") -> str:
    """ccxt's symbol: BTC/USDT, BTC/USDT:USDT, BTC/USD:BTC-260327; without a quote, the raw id."""
    if not quote:
        return raw_id
    settle = {"spot": "", "inverse": base}.get(category, quote)
    return f"{base}/{quote}" + (f":{settle}" if settle else "") + (f"-{expiry}" if expiry else "")


def unlisted_market(symbol: str, category: str, raw_id: str = "") -> dict[str, Any]:
    """A ccxt structure for a market of which only a symbol or a raw id is known."""
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
    sized = contract and not option
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
        "linear": (settle == quote if quote else category == "linear") if sized else None,
        "inverse": (settle == base if quote else category == "inverse") if sized else None,
        "contractSize": None,
        "active": False,
    }


def _category(name: str, spot: bool) -> str:
    """A market's category according to its name."""
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
        "contract_size": _size(market.get("contractSize")),
        "active": market.get("active") is not False,
        "seen_at": seen_at,
    }


def _size(stated: Any) -> Decimal | None:
    """A contract's size; None, as for those that are not listed, if it cannot be read: one market
    must not keep the others from being listed."""
    try:
        return number(stated)
    except (ArithmeticError, TypeError, ValueError):
        return None
