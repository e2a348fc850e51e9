"""Converts a cell's text to an exact value. Ambiguous text is rejected, never guessed."""

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from alphapulse_pipeline.datasets.values import bounded
from alphapulse_pipeline.warehouse.sync_state import Market


class BadValue(Exception):
    """A cell whose text is invalid or ambiguous. `fix` says what to write instead."""

    def __init__(self, problem: str, fix: str) -> None:
        self.problem = problem
        self.fix = fix
        super().__init__(f"{problem}; {fix}")


class Cell(NamedTuple):
    """A cell, its row, and the market that the row names."""

    text: str
    row: Mapping[str, str]
    market: Market | None


Convert = Callable[[Cell], Any]

EARLIEST = datetime(2009, 1, 1, tzinfo=UTC)
"""Bitcoin began two days later: what is older is a mistake."""
_AHEAD = timedelta(days=1)
"""A local time that is taken as UTC is up to 14 hours ahead; what is further ahead is a mistake."""
_MOST_WHOLE_DIGITS = 30
"""More than the supply of any coin, in its smallest unit, has."""
_NUMBER = re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?")
_GROUPED = re.compile(r"[-+]?[\d.,' \u00a0\u202f]*\d[\d.,' \u00a0\u202f]*")


def number(text: str) -> Decimal:
    """An exact number. Raises `BadValue`, also for thousands separators, decimal commas and sizes
    that no amount or price has."""
    if _NUMBER.fullmatch(text) and text.isascii():
        try:
            value = bounded(Decimal(text))
        except ValueError as error:
            raise BadValue(f"{text[:40]!r}: {error}", "write the amount") from None
        if value.adjusted() >= _MOST_WHOLE_DIGITS:
            raise BadValue(
                f"{text[:40]!r} has more than {_MOST_WHOLE_DIGITS} digits before the point",
                "check the number",
            )
        return value
    if _GROUPED.fullmatch(text):
        raise BadValue(
            f"{text!r} is ambiguous",
            "write numbers with a decimal point and without thousands separators",
        )
    raise BadValue(f"{text!r} is not a number", "write a number, e.g. 0.5")


def time(text: str) -> datetime:
    """An ISO 8601 time, taken as UTC if it has no time zone.

    Raises `BadValue`, also for times before there were markets and in the future.
    """
    try:
        if "-" not in text:
            raise ValueError
        parsed = datetime.fromisoformat(text.removesuffix(" UTC"))
    except ValueError:
        raise BadValue(f"{text!r} is not a time", "write times like 2026-01-31T23:59:59Z") from None
    if not parsed.tzinfo:
        parsed = parsed.replace(tzinfo=UTC)
    if parsed < EARLIEST:
        raise BadValue(
            f"{text!r} is before {EARLIEST.year}, when there was no exchange yet",
            "correct the year",
        )
    if parsed > datetime.now(UTC) + _AHEAD:
        raise BadValue(f"{text!r} is in the future", "correct the date: year, month, day")
    return parsed.astimezone(UTC)


def word(text: str, allowed: Collection[str]) -> str:
    """One of the `allowed` values, in any case. Raises `BadValue`."""
    if text.lower() not in allowed:
        raise BadValue(f"{text!r} is not allowed here", f"use one of {', '.join(allowed)}")
    return text.lower()


def amount_and_asset(text: str, assets: Iterable[str]) -> tuple[Decimal, str]:
    """Split `0.5BTC` into amount and asset. Raises `BadValue`.

    `assets` are the expected ones. They decide where the number ends, since an asset's name may
    start with a digit; any other asset must start with a letter.
    """
    for asset in assets:
        value = text.removesuffix(asset)
        if value != text and _NUMBER.fullmatch(value):
            return number(value), asset
    parts = re.fullmatch(r"([^A-Za-z]*)([A-Za-z]\w*)", text)
    if parts is None:
        raise BadValue(f"{text!r} is not an amount with its asset", "write it like 0.5BTC")
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
        """The market named `text`, or with this id in `category` (spot, ...). Raises `BadValue`."""
        if text in self._by_name:
            return self._by_name[text]
        matches = [m for m in self._by_raw_id.get(text, []) if category in (None, m.category)]
        if len(matches) == 1:
            return matches[0]
        if matches:
            names = ", ".join(market.market for market in matches)
            raise BadValue(f"{text!r} is the id of several markets", f"write one of {names}")
        raise BadValue(
            f"unknown market {text!r}",
            "write a unified name or the exchange's id, as listed by `alphapulse sql "
            '"select market, raw_id from markets"` once the account was synced',
        )
