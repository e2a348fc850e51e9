"""Kraken's deposits, withdrawals and transfers between its books, from the ledger.

The ledger has every movement of money, since the account exists. Get Status of Recent Deposits and
Get Status of Recent Withdrawals (docs.kraken.com/api-reference/funding/...) list only recent ones
("recent" on Kraken's pages; 90 days according to python-kraken-sdk, 2026-07-21), so they only add
the network, the transaction id and the state. Rows are the same by their reference id.

A deposit appears once it is credited. Its row has what was credited: the amount less the fee.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from alphapulse_pipeline.datasets.values import Row
from alphapulse_pipeline.exchange.errors import MISREAD, Unreadable
from alphapulse_pipeline.exchange.feed import Caller, Feed, Raw, at
from alphapulse_pipeline.exchange.venues.kraken.account import EARN, book_of, code
from alphapulse_pipeline.exchange.venues.kraken.common import (
    FUNDS,
    LEDGER_ENTRIES,
    SPOT,
    documented,
    exact,
    happened,
    history,
    result,
)
from alphapulse_pipeline.exchange.venues.kraken.ledger import (
    ALLOCATIONS,
    ENTRY_FIELDS,
    LEDGER_PAGE,
    plain,
)
from alphapulse_pipeline.exchange.venues.kraken.pairs import in_pairs, pair
from alphapulse_pipeline.exchange.venues.venue import Amend, Source
from alphapulse_pipeline.exchange.walker import Cursor
from alphapulse_pipeline.exchange.walker.enriched import Enriched

_REFUNDED = "refunded"
"""The field of a completed withdrawal that says whether the ledger has its refund."""
_DAY = 86_400
_BEFORE, _AFTER = 10 * _DAY, _DAY
"""Seconds by which a deposit may have been seen before, or be listed after, it was credited."""
_OUT_OF = {"spottostaking": EARN, "stakingtospot": SPOT, "allocation": EARN, "deallocation": SPOT}
"""Subtype of a transfer -> where it goes; its two entries do not refer to each other."""


def transfers() -> dict[str, Source]:
    return {
        "deposits": _source("deposit", _deposit, "privatePostDepositStatus"),
        "withdrawals": _source("withdrawal", _withdrawal, "privatePostWithdrawStatus"),
        "transfers": _source("transfer", _transfer),
        "earn": replace(_source("earn", _allocation, pairs=True), kind="transfer"),
    }


def _source(kind: str, amend: Amend, status: str = "", *, pairs: bool = False) -> Source:
    # so few entries that the whole time needs no windows
    feed = history(
        "privatePostLedgers", "ledger", "time", ENTRY_FIELDS, LEDGER_PAGE, window=None, type=kind
    )
    if status:
        feed = _with_status(feed, status)
    if pairs:
        feed = in_pairs(feed)
    return Source(feed, wallet=SPOT, parse="parse_transaction", kind=kind, amend=amend)


STATUS = {
    method: Feed(
        method,
        Cursor("cursor", lambda answer, _: at("next_cursor")(result(answer)) or "", ordered=False),
        {"cursor": "true"},
        lambda answer: _listed(answer),
        documented=documented(
            f"funding/get-status-of-recent-{kind}",
            FUNDS if kind == "deposits" else f"{FUNDS}, or {LEDGER_ENTRIES}",
            order="newest to oldest",
            note="only recent ones; the page does not say how recent, and fee may be missing",
        ),
    )
    for method, kind in (
        ("privatePostDepositStatus", "deposits"),
        ("privatePostWithdrawStatus", "withdrawals"),
    )
}
"""What adds the network, the transaction id and the state, by method."""


def _with_status(feed: Feed, method: str) -> Feed:
    async def complete(call: Caller, rows: list[Raw], newer: list[Raw]) -> list[Raw]:
        times = [time // 1000 for time in feed.times(rows)]
        if not times:
            return rows
        window = {"start": min(times) - _BEFORE, "end": max(times) + _AFTER}
        status = STATUS[method]

        async def within(method: str, params: Mapping[str, Any]) -> Any:
            return await call(method, {**params, **window})

        known = {_reference(row): row for row in await status.everything(within)}
        refunded = {_reference(row) for row in (*newer, *rows) if _may_be_refund(row)}
        # the ledger's fields take precedence: it has the amounts that were booked
        return [
            {**known.get(_reference(row), {}), **row, _REFUNDED: _reference(row) in refunded}
            for row in rows
        ]

    return Feed(**{**vars(feed), "paging": Enriched(feed.paging, complete)})


def _reference(row: Raw) -> str:
    """As text: an object cannot be looked up, and the row is rejected when it is parsed."""
    return str(row.get("refid"))


def _listed(answer: Any) -> Any:
    """The only list of an answer, whatever its name; answers without a cursor are a bare list."""
    found = result(answer)
    if isinstance(found, Mapping):
        return next((rows for rows in found.values() if isinstance(rows, list)), None)
    return found


def _deposit(raw: Raw, row: Row) -> Row:
    wallet, _ = book_of(raw["asset"])
    credited = exact(raw, "amount") - exact(raw, "fee")
    return _booked(raw, row) | {"amount": credited, "to_wallet": wallet, "status": "ok"}


def _withdrawal(raw: Raw, row: Row) -> Row | None:
    """A canceled withdrawal is refunded by an entry of a positive amount, which the ledger has."""
    if _is_refund(raw):
        return None
    wallet, _ = book_of(raw["asset"])
    # ccxt reports canceled ones as failed
    canceled = raw.get(_REFUNDED) or raw.get("status-prop") == "canceled"
    return _booked(raw, row) | {
        "amount": -exact(raw, "amount"),
        "from_wallet": wallet,
        "status": "canceled" if canceled else row["status"] or "ok",
    }


def _is_refund(raw: Raw) -> bool:
    return raw["type"] == "withdrawal" and exact(raw, "amount") > 0


def _may_be_refund(raw: Raw) -> bool:
    try:
        return _is_refund(raw)
    except (*MISREAD, Unreadable):
        return False  # the row itself is rejected when it is parsed


def _transfer(raw: Raw, row: Row) -> Row | None:
    """Between Kraken's books, from the entry that takes: the other one repeats it. Anything
    else of this type (airdrops, forks, Kraken's futures) is known by the ledger alone."""
    amount, target = exact(raw, "amount"), _OUT_OF.get(str(raw.get("subtype") or ""))
    if amount > 0 or raw.get("subtype") not in ALLOCATIONS or target is None:
        return None
    wallet, _ = book_of(raw["asset"])
    books = {"amount": -amount, "from_wallet": wallet, "to_wallet": target, "status": "ok"}
    return _booked(raw, row) | books


def _allocation(raw: Raw, row: Row) -> Row | None:
    """Between spot and Earn. What is in one wallet before and after is no transfer: when codes were
    migrated, `DOT.S` became `DOT.B` or `DOT`, and assets that are staked may keep their plain code
    (support.kraken.com/articles/360039879471)."""
    found = pair(raw)
    if found is None or raw.get("subtype") not in ALLOCATIONS:
        return None
    (giver, asset), (taker, received) = (book_of(str(entry.get("asset"))) for entry in found)
    if giver == taker or code(asset) != code(received):
        return None
    amount = -exact(found[0], "amount")
    books = {"amount": amount, "from_wallet": giver, "to_wallet": taker, "status": "ok"}
    return _booked(raw, row) | books


def _booked(raw: Raw, row: Row) -> Row:
    fee = exact(raw, "fee")
    asset = plain(row["asset"])
    return row | {
        "asset": asset,
        "fee_cost": fee,
        "fee_currency": asset if fee else None,
        "happened_at": happened("time", raw),
    }
