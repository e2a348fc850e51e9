"""Names of markets: a name once given never changes.

An exchange that delists a market answers with raw ids that ccxt no longer knows, and a market
that came back under a second name would double its fills. So every raw id ever resolved is kept,
and what was kept wins over what ccxt would say today.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from alphapulse_pipeline.exchange.rows import Row, number


@dataclass
class Markets:
    """Resolves raw ids inside a category (one of ccxt's flags: spot, linear, inverse, ...)."""

    exchange: Any
    """The ccxt exchange, its markets loaded."""
    delisted: Callable[[str, str], dict[str, Any]]
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

    def listed(self, seen_at: datetime) -> list[Row]:
        """All listed markets as rows of `markets`, under the names they were first given."""
        rows = {}
        for market in self.exchange.markets.values():
            name = self.name(market)
            rows[name] = market_row(name, market, seen_at)
        return list(rows.values())

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
            market = dict(self.exchange.safe_market_structure(self.delisted(raw_id, category)))
        if not known:
            self.unlisted.append(market)
        return market

    def _listed(self, raw_id: str, category: str) -> dict[str, Any] | None:
        candidates: list[dict[str, Any]] = self.exchange.markets_by_id.get(raw_id, [])
        return next((m for m in candidates if m.get(category)), None)


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
