"""Pairs of ledger entries that have one reference id: what was given, and what was received."""

from collections.abc import Container

from alphapulse_pipeline.exchange.feed import Caller, Feed, Raw
from alphapulse_pipeline.exchange.walker.enriched import Enriched

_OTHER = "other entry"


def in_pairs(feed: Feed) -> Feed:
    """The feed of a ledger whose rows include the other entry of their reference id: once for each
    pair, in the entry that gives, or in the one on the older of two pages."""

    async def complete(call: Caller, rows: list[Raw], newer: list[Raw]) -> list[Raw]:
        entries: dict[str, list[Raw]] = {}
        for row in (*newer, *rows):
            entries.setdefault(_reference(row), []).append(row)
        read = {str(row.get("id")) for row in newer}
        return [_paired(row, entries[_reference(row)], read) for row in rows]

    return Feed(**{**vars(feed), "paging": Enriched(feed.paging, complete)})


def pair(row: Raw) -> tuple[Raw, Raw] | None:
    """(the entry that gives, the entry that receives); None for a row without the other entry, or
    if both give or both receive."""
    other = row.get(_OTHER)
    if not isinstance(other, dict) or _gives(row) == _gives(other):
        return None
    return (row, other) if _gives(row) else (other, row)


def _paired(row: Raw, entries: list[Raw], read: Container[str]) -> Raw:
    others = {str(other.get("id")): other for other in entries if other.get("id") != row.get("id")}
    if len(others) != 1:
        return row
    [other] = others.values()
    return {**row, _OTHER: other} if _gives(row) or str(other.get("id")) in read else row


def _gives(row: Raw) -> bool:
    return str(row.get("amount")).startswith("-")


def _reference(row: Raw) -> str:
    """As text: an object cannot be looked up, and the row is rejected when it is parsed."""
    return str(row.get("refid"))
