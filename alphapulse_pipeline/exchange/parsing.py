"""Converts the raw rows of a source to rows of a table, with ccxt's parsers.

A row that cannot be converted or stored is rejected; the other rows of its page are not affected.
"""

import hashlib
import json
import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any, Protocol

from alphapulse_pipeline.datasets import HISTORIES, History, Place
from alphapulse_pipeline.datasets.values import Row, fees
from alphapulse_pipeline.exchange.client import ExchangeClient
from alphapulse_pipeline.exchange.errors import MISREAD, Unreadable
from alphapulse_pipeline.exchange.feed import Raw
from alphapulse_pipeline.exchange.isolated_rows import why_unreadable
from alphapulse_pipeline.exchange.markets import Markets
from alphapulse_pipeline.exchange.row_checks import all_fit, check, is_name
from alphapulse_pipeline.exchange.venues import Source

logger = logging.getLogger(__name__)

_UNREADABLE = "a row that cannot be read:"
_NO_ID = re.compile("|0x0+")
"""Ids that identify nothing: Hyperliquid's funding payments all have a hash of zeros."""


@dataclass(frozen=True, slots=True)
class Unread:
    """A row of the exchange that cannot be read."""

    raw: Raw
    reason: str


@dataclass(slots=True)
class Parsed:
    """What the rows of a page became."""

    method: str
    """The endpoint that returned them."""
    rows: list[Row] = field(default_factory=list)
    sent: list[Raw] = field(default_factory=list)
    """The exchange's row of each of `rows`."""
    unread: list[Unread] = field(default_factory=list)
    ambiguous: list[Unread] = field(default_factory=list)
    """Rows with the key of a different row: see `set_ambiguous_apart`."""


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


def parsed(reader: Reader, dataset: str, source: Source, raw_rows: Sequence[Raw]) -> Parsed:
    """The rows of a page, without those of other datasets (e.g. funding among fills)."""
    history = HISTORIES[dataset]
    found = Parsed(source.feed.method)
    sound = source.feed.all_sound(raw_rows)
    several_fees = 0
    for raw in raw_rows:
        try:
            require_parsed(source, raw)
            if not sound:
                source.feed.check(raw)
            market, sent, structure = _parse(reader, source, raw)
            place = Place(source.wallet, market, _kind(history, source, structure))
            row = source.amend(sent, history.row(structure, place))
        except Unreadable as error:
            found.unread.append(Unread(raw, error.problem))
        except MISREAD as error:
            text = f"{source.feed.method} returned {_UNREADABLE} {type(error).__name__}: {error}"
            found.unread.append(Unread(raw, text))
        else:
            if row is not None:
                found.rows.append(row)
                found.sent.append(raw)
                several_fees += (
                    len(structure.get("fees") or ()) > 1
                    and "fee_cost" in row
                    and sum(cost != 0 for _, cost in fees(structure)) > 1
                )
    if not all_fit(history, found.rows):
        _set_unfit_apart(history, found)
    if several_fees:
        logger.warning(
            "%s/%s: %d rows have fees in several currencies: fee_cost is the first one's, the "
            "others are in raw only and show up as differences in portfolio.reconciliation",
            reader.name,
            dataset,
            several_fees,
        )
    return found


def _set_unfit_apart(history: History, found: Parsed) -> None:
    """Take the rows that the table cannot hold out of `rows`."""
    both = list(zip(found.rows, found.sent, strict=True))
    found.rows, found.sent = [], []
    for row, sent in both:
        try:
            check(found.method, history, row)
        except Unreadable as error:
            found.unread.append(Unread(sent, error.problem))
        else:
            found.rows.append(row)
            found.sent.append(sent)


def require_parsed(source: Source, row: Raw) -> None:
    """Raises `Unreadable` for a row of a unified method that ccxt could not parse."""
    if not source.parse and (reason := why_unreadable(row)):
        raise Unreadable(f"{source.feed.method} returned {_UNREADABLE} {reason}")


def set_ambiguous_apart(history: History, pages: Sequence[Parsed]) -> None:
    """Take different rows with the same key out of `rows`: one would overwrite the other.

    A row that changes, such as an order, may come in several states, all of the same time.
    """
    names = history.key[1:]
    key_of = itemgetter(*names)
    compared = itemgetter(history.time) if history.newest_by else _itself
    first: dict[Any, Row] = {}
    ambiguous = set()
    for page in pages:
        for row in page.rows:
            known = first.setdefault(key := key_of(row), row)
            if known is not row and compared(known) != compared(row):
                ambiguous.add(key)
    if not ambiguous:
        return
    for page in pages:
        both = list(zip(page.rows, page.sent, strict=True))
        kept = [(row, sent) for row, sent in both if key_of(row) not in ambiguous]
        page.ambiguous += [
            Unread(
                sent,
                f"{page.method} returned different rows with the same key: "
                + ", ".join(f"{name} {row[name]}" for name in names),
            )
            for row, sent in both
            if key_of(row) in ambiguous
        ]
        page.rows, page.sent = [row for row, _ in kept], [sent for _, sent in kept]


def _itself(row: Row) -> Any:
    return row


def market_id(row: Raw, name: str) -> str:
    """A market's raw id in a row. Raises `Unreadable` if it is none, before it is looked up: what
    an exchange does not list becomes a market of its own."""
    found = row[name]
    if not is_name(found):
        raise Unreadable(f"{name} is {str(found)[:60]!r}, which cannot be a market")
    return found


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
        name = markets.named(symbol, source.category, _fields(raw)) if symbol else source.only
        return name, raw, {"timestamp": None, **row, "id": _id(row)}
    parse = getattr(reader.client.ccxt, source.parse)
    if source.market:
        name, market = markets.resolve(market_id(row, source.market), source.category)
        return name, row, _timed(source, row, parse(row, market))
    if source.mentions and row.get(source.mentions):
        markets.resolve(market_id(row, source.mentions), source.category)
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
