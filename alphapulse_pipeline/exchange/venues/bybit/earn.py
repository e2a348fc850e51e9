"""Bybit's Earn: flexible savings ("Easy Earn") and on-chain earn.

Read as the wallet `earn`: the principal of both. What was earned and is not distributed yet is not
part of it. Not read: fixed-term and structured products and the like, which other lists have; the
exchange's total of Earn shows what is missing (`books`).
"""

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any

from alphapulse_pipeline.datasets.values import number
from alphapulse_pipeline.exchange.documented import Documented
from alphapulse_pipeline.exchange.errors import Unreadable
from alphapulse_pipeline.exchange.venues.bybit.account import EARN_PERMISSION
from alphapulse_pipeline.exchange.venues.bybit.common import EARN, LIST
from alphapulse_pipeline.exchange.venues.venue import Wallet

_ZERO = Decimal(0)
_FLEXIBLE, _ON_CHAIN = _CATEGORIES = ("FlexibleSaving", "OnChain")

_POSITIONS = Documented(
    page="bybit-exchange.github.io/docs/v5/finance/earn/easy-onchain/position",
    dated="2026-05-06",
    permission=EARN_PERMISSION,
    note="one answer for each category, FlexibleSaving and OnChain, without pages; claimableYield "
    "is not part of amount; the page does not say whether the token received for liquid staking "
    "is listed here or is in the funding account; no rate limit is documented",
)


def wallet() -> Wallet:
    return Wallet(
        EARN,
        {"type": EARN},
        assets=_amounts,
        rows=_positions,
        required=("coin", "productId", "amount"),
        documented=_POSITIONS,
    )


def _positions(answers: Any) -> Any:
    lists = [LIST(answers[category]) for category in _CATEGORIES]
    if not all(isinstance(rows, list) for rows in lists):
        return None
    return [row for rows in lists for row in rows]


def _amounts(answers: Any) -> Iterable[tuple[Any, ...]]:
    """Raw asset, total, used, debt, free: what is frozen, or on-chain, cannot be used at once.

    Raises `Unreadable` for a position that is listed twice with different amounts.
    """
    amounts: dict[tuple[str, ...], tuple[Decimal, Decimal]] = {}
    for category in _CATEGORIES:
        for row in LIST(answers[category]):
            held = number(row["amount"]) or _ZERO
            used = held if category == _ON_CHAIN else _frozen(row)
            position = row["coin"], category, row["productId"], str(row.get("id") or "")
            if amounts.setdefault(position, (held, used)) != (held, used):
                raise Unreadable(f"Bybit lists a position in Earn twice: {' '.join(position)}")
    return _by_coin(amounts)


def _frozen(row: Mapping[str, Any]) -> Decimal:
    parts = row.get("freezeDetails") or ()
    return sum((number(part["amount"]) or _ZERO for part in parts), _ZERO)


def _by_coin(
    amounts: Mapping[tuple[str, ...], tuple[Decimal, Decimal]],
) -> Iterator[tuple[Any, ...]]:
    for coin in dict.fromkeys(coin for coin, *_ in amounts):
        held = [pair for (name, *_), pair in amounts.items() if name == coin]
        total, used = (sum(column, _ZERO) for column in zip(*held, strict=True))
        yield coin, total, used, None, total - used
