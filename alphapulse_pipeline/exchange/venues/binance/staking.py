"""ETH and SOL staked for tokens that stand for them, and redeemed.

WBETH, BETH and BNSOL are assets of the spot wallet, so that staking is a conversion there, and so
is wrapping one into another. Rewards raise what a token is worth and are no rows.

What is redeemed leaves spot at once, and what it becomes arrives days later. Until then it is in
the wallet `staking`, whose balance is the sum of the redemptions that are pending: the conversion
is booked there when it has arrived. A redemption that is pending stays a gap of one millisecond,
which every run requests again, so that one that fails is seen.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from alphapulse_pipeline.datasets.values import Row, number
from alphapulse_pipeline.exchange.documented import SIX_MONTHS, THREE_MONTHS
from alphapulse_pipeline.exchange.errors import Unreadable
from alphapulse_pipeline.exchange.feed import Caller, Feed, Raw, at, milliseconds, to_time
from alphapulse_pipeline.exchange.venues.binance import pages
from alphapulse_pipeline.exchange.venues.binance.common import (
    BY_MILLISECOND,
    SPOT,
    STAKING,
    rows_if_any,
    windowed,
)
from alphapulse_pipeline.exchange.venues.venue import Amend, Source, Wallet
from alphapulse_pipeline.exchange.walker import Numbered
from alphapulse_pipeline.exchange.walker.final import Final
from alphapulse_pipeline.exchange.walker.offered import Offered, refusals_are_states

_ETH, _SOL = "sapiGetEthStakingEthHistory", "sapiGetSolStakingSolHistory"
_WRAPS = "sapiGetEthStakingWbethHistory"
_PENDING, _FAILED, _DONE = "PENDING", "FAILED", "SUCCESS"
_STATUSES = (_PENDING, _FAILED, _DONE)
_PART = "part"
"""A field that is added to the two parts of a redemption: what leaves spot, and what arrives."""
_LEAVES, _ARRIVES = "leaves", "arrives"
_TOKENS = frozenset({"WBETH", "BETH", "BNSOL"})
# a list's names of what is given and of what is received: asset and amount of each
_STAKED = ("asset", "amount", "distributeAsset", "distributeAmount")
_WRAPPED = ("fromAsset", "fromAmount", "toAsset", "toAmount")


# -- balances --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Redemptions(Numbered):
    """Those of the last 30 days. An account whose list is refused has none."""

    async def everything(self, call: Caller, feed: Feed) -> list[Raw]:
        with refusals_are_states():
            return await super().everything(call, feed)


def _name(row: Raw) -> tuple[Any, ...]:
    return row.get("time"), row.get("asset"), row.get("amount")


_PENDING_REDEMPTIONS = tuple(
    Feed(
        f"{prefix}RedemptionHistory",
        _Redemptions("current", at("total"), _name),
        {"size": pages.STAKING[f"{coin} redemption"].limit},
        rows_if_any,
        required=("time", "asset", "amount", "status"),
        limit="size",
        documented=pages.STAKING[f"{coin} redemption"],
    )
    for coin, prefix in (("eth", _ETH), ("sol", _SOL))
)


def _held(answer: Mapping[str, Any]) -> Iterable[tuple[str, Decimal, Decimal, None]]:
    """(asset, total, used, no debt): nothing of it is free."""
    found: dict[str, Decimal] = {}
    for feed in _PENDING_REDEMPTIONS:
        for row in answer[feed.method]:
            if _status(row) == _PENDING:
                known = found.get(row["asset"], Decimal(0))
                found[row["asset"]] = known + (number(row["amount"]) or 0)
    for asset, amount in sorted(found.items()):
        yield asset, amount, amount, None


WALLET = Wallet(
    STAKING,
    assets=_held,
    documented=pages.STAKING["eth redemption"],
    lists=_PENDING_REDEMPTIONS,
    once_held=_TOKENS,
    usually_empty=True,
)


# -- histories -------------------------------------------------------------------------------------


def conversions() -> dict[str, Source]:
    return {
        "eth stakes": _swaps(f"{_ETH}StakingHistory", "eth stake", _STAKED),
        "eth redemptions": _swaps(f"{_ETH}RedemptionHistory", "eth redemption", _STAKED, STAKING),
        "beth wraps": _swaps(f"{_WRAPS}WrapHistory", "beth wrap", _WRAPPED),
        "wbeth unwraps": _swaps(f"{_WRAPS}UnwrapHistory", "wbeth unwrap", _WRAPPED),
        "sol stakes": _swaps(f"{_SOL}StakingHistory", "sol stake", _STAKED),
        "sol redemptions": _swaps(f"{_SOL}RedemptionHistory", "sol redemption", _STAKED, STAKING),
    }


def transfers() -> dict[str, Source]:
    """What leaves spot for a redemption, and what comes back."""
    return {
        f"{coin} redemptions": _list(
            f"{prefix}RedemptionHistory",
            f"{coin} redemption",
            "parse_transfer",
            _moved(f"{coin} redemption"),
            (*_STAKED, "arrivalTime"),
            SPOT,
            kind="transfer",
            rows=_parts_of_all,
            pending=_has_not_arrived,
        )
        for coin, prefix in (("eth", _ETH), ("sol", _SOL))
    }


def _swaps(method: str, name: str, fields: tuple[str, ...], wallet: str = SPOT) -> Source:
    required = fields if wallet == SPOT else (*fields, "arrivalTime")
    amend = _swapped(name, fields, "time" if wallet == SPOT else "arrivalTime")
    return _list(method, name, "parse_conversion", amend, required, wallet, kind="convert")


def _is_pending(row: Raw) -> bool:
    return row.get("status") == _PENDING


def _has_not_arrived(row: Raw) -> bool:
    return _is_pending(row) and row.get(_PART) != _LEAVES


def _list(
    method: str,
    name: str,
    parse: str,
    amend: Amend,
    required: tuple[str, ...],
    wallet: str,
    *,
    kind: str,
    rows: Callable[[Any], Any] = rows_if_any,
    pending: Callable[[Raw], bool] = _is_pending,
) -> Source:
    documented = pages.STAKING[name]
    if rows is _parts_of_all and documented.default_limit:
        # each row becomes two: an answer of the default size is one that may be truncated
        documented = replace(documented, default_limit=2 * documented.default_limit)
    source = windowed(
        method,
        wallet,
        parse,
        milliseconds("time"),
        amend,
        rows=rows,
        paging=Offered(Final(BY_MILLISECOND, pending)),
        required=("time", "status", *required),
        documented=documented,
        limit="size",
        kind=kind,
        window=THREE_MONTHS,
        kept=SIX_MONTHS,
    )
    return replace(source, daily=True)


def _swapped(name: str, fields: tuple[str, ...], time: str) -> Amend:
    given, sold, received, bought = fields

    def amend(raw: Raw, row: Row) -> Row | None:
        if _status(raw) == _FAILED:
            return None
        return row | {
            "conversion_id": _id(name, raw, given, sold),
            "from_asset": raw[given],
            "from_amount": number(raw[sold]),
            "to_asset": raw[received],
            "to_amount": number(raw[bought]),
            "happened_at": _moment(raw, time),
        }

    return amend


def _moved(name: str) -> Amend:
    given, sold, received, bought = _STAKED

    def amend(raw: Raw, row: Row) -> Row | None:
        failed, leaves = _status(raw) == _FAILED, raw[_PART] == _LEAVES
        if failed and not leaves:
            return None
        return row | {
            "transfer_id": f"{_id(name, raw, given, sold)} {raw[_PART]}",
            "asset": raw[given if leaves else received],
            "amount": number(raw[sold if leaves else bought]),
            "from_wallet": SPOT if leaves else STAKING,
            "to_wallet": STAKING if leaves else SPOT,
            "status": "failed" if failed else "ok",
            "happened_at": _moment(raw, "time" if leaves else "arrivalTime"),
        }

    return amend


def _parts_of_all(answer: Any) -> Any:
    """Each redemption as what leaves spot and as what arrives."""
    found = rows_if_any(answer)
    if not isinstance(found, list):
        return found
    return [
        {**row, _PART: part} if isinstance(row, dict) else row
        for row in found
        for part in (_LEAVES, _ARRIVES)
    ]


def _status(raw: Raw) -> str:
    """Raises `Unreadable` for a status that is not documented: whether anything was swapped is not
    known then."""
    if raw["status"] not in _STATUSES:
        raise Unreadable(f"what was staked at Binance has the status {raw['status']}")
    return str(raw["status"])


def _id(name: str, raw: Raw, asset: str, amount: str) -> str:
    """Rows have no id. An account can send one request in three seconds."""
    found = number(raw[amount])
    if found is None:
        raise Unreadable("what was staked at Binance has no amount")
    return f"{name} {raw['time']} {raw[asset]} {found.normalize():f}"


def _moment(raw: Raw, name: str) -> Any:
    found = milliseconds(name)(raw)
    return None if found is None else to_time(found)
