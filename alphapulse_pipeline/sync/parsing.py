"""Raw rows of a source as rows of a table: ccxt parses, the category asked for names the market."""

import hashlib
import json
from collections.abc import Callable, Iterable
from typing import Any

from alphapulse_pipeline.exchange import rows
from alphapulse_pipeline.exchange.errors import MISREAD, Unreadable
from alphapulse_pipeline.exchange.feed import Raw
from alphapulse_pipeline.exchange.venues import Source
from alphapulse_pipeline.sync.session import Session


def parsed(
    session: Session, dataset: str, source: Source, raw_rows: Iterable[Raw]
) -> list[rows.Row]:
    """The rows of one page. What is not a row of this dataset (funding among fills) is left out.

    Raises `Unreadable` where a row is not of the form that is known.
    """
    make = _ROWS[dataset]
    found = []
    for row in raw_rows:
        try:
            name, raw, structure = _understood(session, source, row)
            amended = source.amend(raw, make(source, name, structure))
        except MISREAD as error:
            told = f"{type(error).__name__}: {error}"
            raise Unreadable(
                f"{source.feed.method} answered a row that cannot be read: {told}"
            ) from error
        if amended is not None:
            _require(source, dataset, amended)
            found.append(amended)
    return found


def _require(source: Source, dataset: str, row: rows.Row) -> None:
    """Raises `Unreadable` where a row has not what it must have."""
    for name in _REQUIRED[dataset]:
        if row[name] is None:
            raise Unreadable(f"no {name} is found in a row of {source.feed.method}")


_REQUIRED = {
    "trades": ("price", "amount", "cost"),
    "orders": ("status",),
    "transfers": ("asset", "amount"),
    "funding": ("asset", "amount"),
    "ledger": ("asset", "amount"),
}
_LEFT_OUT = dict.fromkeys(("price", "amount", "cost", "status", "currency", "timestamp"))
"""What some of ccxt's structures lack altogether."""


def _understood(session: Session, source: Source, row: Raw) -> tuple[str, Raw, Any]:
    """The market's name, the exchange's own row, ccxt's structure."""
    markets = session.markets  # also where no market is named: they name the currencies
    if not source.parse:
        raw = row["info"]
        symbol = row.get("symbol")
        name = markets.named(symbol, source.category, _fields(raw)) if symbol else ""
        return name, raw, {**_LEFT_OUT, **row, "id": _id(row)}
    parse = getattr(session.client.ccxt, source.parse)
    if source.market:
        name, market = markets.resolve(row[source.market], source.category)
        return name, row, _timed(source, row, parse(row, market))
    return "", row, _timed(source, row, parse(row))


def _timed(source: Source, row: Raw, structure: Any) -> Any:
    """ccxt does not know the time of every kind of row; the feed, which goes by it, does."""
    if structure.get("timestamp") is None:
        return {**structure, "timestamp": source.feed.time(row)}
    return structure


def _id(structure: Raw) -> str:
    """Its own, or a digest of the exchange's row, which is the same whenever it is asked."""
    if structure.get("id"):
        return str(structure["id"])
    text = json.dumps(structure["info"], sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _fields(raw: Any) -> dict[str, Any]:
    """A row by name; exchanges that answer lists have numbers for names."""
    if isinstance(raw, dict):
        return raw
    return {str(place): value for place, value in enumerate(raw)} if isinstance(raw, list) else {}


def _transfer(source: Source, transfer: Any) -> rows.Row:
    """A list may hold both kinds: ccxt's word for a row is better than the list's."""
    told = transfer.get("type")
    kind = told if not source.parse and told in ("deposit", "withdrawal") else source.kind
    return rows.transfer(kind or "transfer", transfer)


def _entry(source: Source, entry: Any) -> rows.Row:
    """An amount below zero says its direction where nothing else does."""
    if not entry.get("direction") and str(entry.get("amount") or "").startswith("-"):
        entry = {**entry, "direction": "out"}
    return rows.entry(source.wallet, entry)


_ROWS: dict[str, Callable[[Source, str, Any], rows.Row]] = {
    "trades": lambda source, market, trade: rows.trade(source.wallet, market, trade),
    "orders": lambda source, market, order: rows.order(source.wallet, market, order),
    "transfers": lambda source, _, transfer: _transfer(source, transfer),
    "funding": lambda source, market, income: rows.funding(source.wallet, market, income),
    "ledger": lambda source, _, entry: _entry(source, entry),
}
