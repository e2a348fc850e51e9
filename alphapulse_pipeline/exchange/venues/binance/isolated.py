"""Isolated margin: its balances, and the lists that Binance has per pair.

Each pair has balances and a debt of its own. All pairs together are one wallet, `isolated`: fills,
orders and entries of any pair are booked in it, and what moves between two pairs stays in it.
"""

from collections.abc import AsyncGenerator, Iterable
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

from alphapulse_pipeline.datasets.values import Row, number
from alphapulse_pipeline.exchange.documented import SIX_MONTHS
from alphapulse_pipeline.exchange.errors import Unreadable
from alphapulse_pipeline.exchange.feed import Caller, Feed, Page, Paging, Raw, at, require, to_time
from alphapulse_pipeline.exchange.new_values import meaning
from alphapulse_pipeline.exchange.venues.binance import pages
from alphapulse_pipeline.exchange.venues.binance.common import (
    BY_SECOND,
    COINM,
    FUNDING,
    ISOLATED,
    MARGIN,
    OPTION,
    SPOT,
    USDM,
    rows_if_any,
    windowed,
)
from alphapulse_pipeline.exchange.venues.venue import Source, Wallet

_METHOD = "sapiGetMarginIsolatedAccount"
_SIDES = ("baseAsset", "quoteAsset")
_LONGEST_SECONDS = 10**11
"""Greater times are in milliseconds."""
_WALLETS = {
    "SPOT": SPOT,
    "CROSS_MARGIN": MARGIN,
    "ISOLATED_MARGIN": ISOLATED,
    "FUTURES": USDM,
    "DELIVERY": COINM,
    "FUNDING": FUNDING,
    "OPTION": OPTION,
    # not read; Binance's own names of them
    "FIAT": "fiat",
    "MINING": "mining",
}
_OTHER_ACCOUNTS = frozenset({"MOTHER_SPOT", "SUB_SPOT", "SUB_MARGIN"})
_IN = "ROLL_IN"
_STATUSES = {"CONFIRMED": "ok", "PENDING": "pending", "FAILED": "failed"}


def _sides(answer: Any) -> Any:
    """The two assets of each pair; None if there is no list."""
    pairs = at("assets")(answer)
    if not isinstance(pairs, list):
        return None
    return [at(side)(pair) for pair in pairs for side in _SIDES]


def _held(answer: Any) -> Iterable[tuple[str, Decimal, Decimal, Decimal]]:
    """(asset, total, used, debt), of all pairs together."""
    found: dict[str, tuple[Decimal, Decimal, Decimal]] = {}
    for side in _sides(answer):
        free, locked, borrowed, interest = (
            number(side[name]) or Decimal(0) for name in ("free", "locked", "borrowed", "interest")
        )
        total, used, debt = found.get(side["asset"], (Decimal(0),) * 3)
        found[side["asset"]] = (total + free + locked, used + locked, debt + borrowed + interest)
    for asset, amounts in found.items():
        yield (asset, *amounts)


WALLET = Wallet(
    ISOLATED,
    {"type": "margin", "marginMode": "isolated"},
    assets=_held,
    rows=_sides,
    required=("asset", "free", "locked", "borrowed", "interest"),
    documented=pages.WALLETS[ISOLATED],
)


@dataclass(frozen=True)
class OfPairs:
    """A list that is requested for one pair at a time, of all pairs that the account ever opened;
    a pair that was disabled is still listed. Without one, nothing else is requested."""

    pages: Paging
    parameter: str
    """That of the pair's name."""

    async def walk(
        self, call: Caller, feed: Feed, start: int, end: int, after: str | None
    ) -> AsyncGenerator[Page, None]:
        """The pages of the last pair prove the range, since those before it are complete then."""
        pairs = await _pairs(call)
        if not pairs:
            yield Page([], start, end)
        for pair in pairs:
            params = {**feed.params, self.parameter: pair}
            of_pair = replace(feed, params=params)
            async for page in self.pages.walk(call, of_pair, start, end, after):
                yield page if pair == pairs[-1] else Page(page.rows, page.start, page.start)


async def _pairs(call: Caller) -> list[str]:
    pairs = at("assets")(await call(_METHOD, {}))
    if not isinstance(pairs, list):
        raise Unreadable(f"the answer of {_METHOD} has no list of pairs")
    for pair in pairs:
        require(pair, ("symbol",), _METHOD)
    return sorted({pair["symbol"] for pair in pairs})


def per_pair(source: Source, parameter: str) -> Source:
    """A source whose list is requested for one pair at a time."""
    return replace(source, feed=replace(source.feed, paging=OfPairs(source.feed.paging, parameter)))


def transfers() -> dict[str, Source]:
    """What moves in and out of each pair. The universal transfers between cross and isolated margin
    are the same ones, and are not requested."""
    listed = windowed(
        "sapiGetMarginTransfer",
        ISOLATED,
        "parse_transfer",
        _milliseconds,
        _moved,
        rows=rows_if_any,
        paging=BY_SECOND,
        required=(
            *("txId", "asset", "amount", "status", "timestamp"),
            *("type", "transFrom", "transTo"),
        ),
        documented=pages.ISOLATED_TRANSFERS,
        limit="size",
        kind="transfer",
        window=timedelta(days=30),
        kept=SIX_MONTHS,
    )
    return {"isolated margin": per_pair(listed, "isolatedSymbol")}


def _milliseconds(row: Raw) -> int | None:
    text = str(row.get("timestamp") or "")
    if not text.isdigit():
        return None
    time = int(text)
    return time * 1000 if time < _LONGEST_SECONDS else time


def _moved(raw: Raw, row: Row) -> Row | None:
    """Between two wallets, or two pairs: then both lists have it, and that of the pair which it
    leaves counts. What moves between this account and another of its owner is in the lists of
    transfers between accounts."""
    ends = [str(raw[name]) for name in ("transFrom", "transTo")]
    if _OTHER_ACCOUNTS.intersection(ends):
        return None
    source, target = (meaning("wallet", end, _WALLETS, end.lower()) for end in ends)
    if source == target and raw["type"] == _IN:
        return None
    time = _milliseconds(raw)
    return row | {
        "transfer_id": str(raw["txId"]),
        "from_wallet": source,
        "to_wallet": target,
        "status": meaning("transfer status", str(raw["status"]), _STATUSES, row["status"]),
        "happened_at": None if time is None else to_time(time),
    }
