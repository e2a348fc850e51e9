"""Converts the raw rows of a source to rows of a table, with ccxt's parsers."""

import hashlib
import json
import logging
import re
from collections.abc import Iterable
from typing import Any, Protocol

from alphapulse_pipeline.datasets import HISTORIES, History, Place
from alphapulse_pipeline.datasets.values import Row, fees
from alphapulse_pipeline.exchange.client import ExchangeClient
from alphapulse_pipeline.exchange.errors import MISREAD, Unreadable
from alphapulse_pipeline.exchange.feed import Raw
from alphapulse_pipeline.exchange.markets import Markets
from alphapulse_pipeline.exchange.venues import Source

logger = logging.getLogger(__name__)

_NO_ID = re.compile("|0x0+")
"""Ids that identify nothing: Hyperliquid's funding payments all have a hash of zeros."""


class Reader(Protocol):
    """What rows are read with."""

    @property
    def name(self) -> str:
        """The account's."""
        ...

    @property
    def client(self) -> ExchangeClient: ...

    @property
    def markets(self) -> Markets:
        """Always loaded, since they also name the currencies."""
        ...


def parsed(reader: Reader, dataset: str, source: Source, raw_rows: Iterable[Raw]) -> list[Row]:
    """The rows of a page, without those of other datasets (e.g. funding among fills).

    Raises `Unreadable` for a row of unexpected form.
    """
    history = HISTORIES[dataset]
    rows = []
    several_fees = 0
    for raw in raw_rows:
        try:
            market, sent, structure = _parse(reader, source, raw)
            place = Place(source.wallet, market, _kind(history, source, structure))
            row = source.amend(sent, history.row(structure, place))
        except MISREAD as error:
            raise Unreadable(
                f"{source.feed.method} returned a row that cannot be read: "
                f"{type(error).__name__}: {error}"
            ) from error
        if row is not None:
            _require(source, history, row)
            rows.append(row)
            several_fees += "fee_cost" in row and sum(cost != 0 for _, cost in fees(structure)) > 1
    if several_fees:
        logger.warning(
            "%s/%s: %d rows have fees in several currencies: fee_cost is the first one's, the "
            "others are in raw only and show up as differences in portfolio.reconciliation",
            reader.name,
            dataset,
            several_fees,
        )
    return rows


def _require(source: Source, history: History, row: Row) -> None:
    for name in history.required:
        if row.get(name) is None:
            raise Unreadable(f"{source.feed.method} returned a row without {name}")


def _kind(history: History, source: Source, structure: Any) -> str:
    """The kind of a row: the one that a unified method returns is more exact than the source's."""
    column = history.by_name.get("kind")
    stated = structure.get("type")
    if column and not source.parse and stated in column.values:
        return str(stated)
    return source.kind


def _parse(reader: Reader, source: Source, row: Raw) -> tuple[str, Raw, Any]:
    """The market's name, the exchange's own row, and ccxt's structure."""
    markets = reader.markets
    if not source.parse:
        raw = row["info"]
        symbol = row.get("symbol")
        name = markets.named(symbol, source.category, _fields(raw)) if symbol else ""
        return name, raw, {"timestamp": None, **row, "id": _id(row)}
    parse = getattr(reader.client.ccxt, source.parse)
    if source.market:
        name, market = markets.resolve(row[source.market], source.category)
        return name, row, _timed(source, row, parse(row, market))
    if source.mentions and row.get(source.mentions):
        markets.resolve(row[source.mentions], source.category)
    return "", row, _timed(source, row, parse(row))


def _timed(source: Source, row: Raw, structure: Any) -> Any:
    """Add the time if ccxt's parser missed it; the feed is ordered by it and can read it."""
    if structure.get("timestamp") is None:
        return {**structure, "timestamp": source.feed.time(row)}
    return structure


def _id(structure: Raw) -> str:
    """The structure's id, or a digest of the exchange's row, which is the same in every run."""
    if not _NO_ID.fullmatch(str(structure.get("id") or "")):
        return str(structure["id"])
    text = json.dumps(structure["info"], sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _fields(raw: Any) -> dict[str, Any]:
    """A raw row by field name, or by index if the exchange sends lists."""
    if isinstance(raw, dict):
        return raw
    return {str(place): value for place, value in enumerate(raw)} if isinstance(raw, list) else {}
