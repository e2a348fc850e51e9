"""A cell's text as an exact value. What is not certain is refused, never guessed."""

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, NamedTuple

from alphapulse_pipeline.warehouse.sync_state import Market


class BadValue(Exception):
    """A cell that says nothing certain. The text is the sentence."""


class Cell(NamedTuple):
    """A cell, its row, and the market of its row."""

    text: str
    row: Mapping[str, str]
    market: Market | None


Convert = Callable[[Cell], Any]

_NUMBER = re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?")
_GROUPED = re.compile(r"[-+]?[\d.,' \u00a0\u202f]*\d[\d.,' \u00a0\u202f]*")


def number(text: str) -> Decimal:
    """An exact number. Raises `BadValue` for separators of thousands and decimal commas."""
    if _NUMBER.fullmatch(text) and text.isascii():
        return Decimal(text)
    if _GROUPED.fullmatch(text):
        raise BadValue(
            f"{text!r} is not clear: write numbers without separators of thousands and with a "
            "decimal point"
        )
    raise BadValue(f"{text!r} is no number")


def time(text: str) -> datetime:
    """An ISO 8601 time, in UTC where it names no zone."""
    try:
        if "-" not in text:
            raise ValueError
        found = datetime.fromisoformat(text.removesuffix(" UTC"))
    except ValueError:
        raise BadValue(f"{text!r} is no time: write 2026-01-31T23:59:59Z") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def word(text: str, allowed: Collection[str]) -> str:
    """One of a few words, whatever their case."""
    if text.lower() not in allowed:
        raise BadValue(f"{text!r} is none of {', '.join(allowed)}")
    return text.lower()


def amount_and_asset(text: str, assets: Iterable[str]) -> tuple[Decimal, str]:
    """`0.5BTC` as its two parts.

    `assets`: those that it can be. They decide where the number ends, as asset names may begin
    with a digit; an asset that is not among them begins with a letter.
    """
    for asset in assets:
        value = text.removesuffix(asset)
        if value != text and _NUMBER.fullmatch(value):
            return number(value), asset
    parts = re.fullmatch(r"([^A-Za-z]*)([A-Za-z]\w*)", text)
    if parts is None:
        raise BadValue(f"{text!r} is no amount with its asset, e.g. 0.5BTC")
    return number(parts[1]), parts[2]


class Markets:
    """The account's markets, by unified name and by the exchange's own id."""

    def __init__(self, markets: Iterable[Market]) -> None:
        self._by_name: dict[str, Market] = {}
        self._by_raw_id: dict[str, list[Market]] = {}
        for market in markets:
            self._by_name[market.market] = market
            self._by_raw_id.setdefault(market.raw_id, []).append(market)

    def find(self, text: str, category: str | None = None) -> Market:
        """The market that `text` names; `category` (spot, ...) narrows down what an id names."""
        if text in self._by_name:
            return self._by_name[text]
        found = [m for m in self._by_raw_id.get(text, []) if category in (None, m.category)]
        if len(found) == 1:
            return found[0]
        if found:
            names = ", ".join(market.market for market in found)
            raise BadValue(f"{text!r} is the id of several markets: write one of {names}")
        raise BadValue(
            f"no market {text!r} is known: write its unified name or the exchange's id, as in "
            '`alphapulse sql "select market, raw_id from markets"`; a first sync fills that table'
        )
