"""Bybit's ledger of the funding account."""

import re
from dataclasses import replace
from decimal import Decimal
from typing import Any

from alphapulse_pipeline.datasets.values import Row, number
from alphapulse_pipeline.exchange.errors import Unreadable
from alphapulse_pipeline.exchange.feed import Feed, Raw, seconds
from alphapulse_pipeline.exchange.venues.bybit.common import (
    FUNDING,
    IN_ANY_ORDER,
    LIST,
    TWO_YEARS,
    WEEK,
    page,
)
from alphapulse_pipeline.exchange.venues.ledger_classes import ledger_class
from alphapulse_pipeline.exchange.venues.venue import Source

_HISTORY = page(
    "asset/fund-history",
    "2026-03-23",
    100,
    10,
    cost="1 of 30 per second",
    note="rows have no id: an entry is known by its time, coin, amount and the balance after it; "
    "the page lists no types, its sample has one (Earn, Flexible Interest Distribution); it states "
    "no order, nor how long rows are kept: as in Bybit's other lists, and an entry that is lost is "
    "a difference of the wallet's balance",
)
_FIELDS = (
    "currency",
    "ioDirection",
    "txnAmt",
    "afterAmt",
    "createTime",
    "showBusiTypeEn",
    "descriptionEn",
)
_EARN = "earn"
_SIGNS = {"I": 1, "O": -1}
# first word of showBusiTypeEn -> class
_CLASSES = {
    "deposit": "transfer",
    "withdraw": "transfer",
    "withdrawal": "transfer",
    "transfer": "transfer",
    "convert": "conversion",
    _EARN: "transfer",
}
_EARNED = re.compile("interest|reward|yield|airdrop|bonus|rebate", re.IGNORECASE)


def ledger() -> dict[str, Source]:
    return {
        FUNDING: Source(history(), wallet=FUNDING, parse="parse_ledger_entry", amend=entry),
    }


def history(note: str = "") -> Feed:
    """`note`: what else is to be said of the page."""
    return Feed(
        "privateGetV5AssetFundinghistory",
        IN_ANY_ORDER,
        {"limit": _HISTORY.limit},
        LIST,
        seconds("createTime"),
        _window,
        required=_FIELDS,
        window=WEEK,
        horizon=TWO_YEARS,
        documented=replace(_HISTORY, note=f"{_HISTORY.note}{note}"),
    )


def _window(first: int, last: int) -> dict[str, Any]:
    """Whole seconds within the window, which is a second longer at both ends than what is read."""
    return {"createTimeFrom": -(-first // 1000), "createTimeTo": last // 1000}


def entry(raw: Raw, row: Row) -> Row:
    """A row of the ledger. Raises `Unreadable`."""
    direction, amount = str(raw["ioDirection"]), Decimal(raw["txnAmt"])
    if direction not in _SIGNS or amount < 0:
        raise Unreadable(f"a transaction of the funding account in direction {direction}: {amount}")
    parts = ("createTime", "currency", "ioDirection", "txnAmt", "afterAmt")
    return row | {
        "kind": raw["showBusiTypeEn"],
        "class": _class(raw),
        "entry_id": " ".join(str(raw[name]) for name in parts),
        "amount": amount * _SIGNS[direction],
        "balance_after": number(raw["afterAmt"]),
        "reference_id": "",
    }


def is_of_earn(raw: Raw) -> bool:
    return _first_word(raw) == _EARN


def is_payout(raw: Raw) -> bool:
    """What Earn pays out has the type of Earn; its description says that it is a payout."""
    described = f"{raw['showBusiTypeEn']} {raw['descriptionEn']}"
    return raw.get("ioDirection") == "I" and _EARNED.search(described) is not None


def _class(raw: Raw) -> str:
    if is_payout(raw):
        return "reward"
    first = _first_word(raw)
    return _CLASSES[first] if first in _CLASSES else ledger_class(str(raw["showBusiTypeEn"]), {})


def _first_word(raw: Raw) -> str:
    return str(raw["showBusiTypeEn"]).casefold().split(" ")[0]
