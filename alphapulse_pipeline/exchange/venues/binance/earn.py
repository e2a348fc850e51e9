"""Simple Earn: positions, what moves in and out of them, and rewards.

Flexible and locked products are one wallet, `earn`. A flexible position has a second row in the
spot wallet, under a code of its own (LDUSDT for USDT), which is left out.

Dual Investment is not read: "Get Dual Investment positions" (2026-08-21) names what was subscribed,
and neither the asset nor the amount that was paid out. What it holds is a difference of the
exchange's own total, and what it moves is one of the spot wallet, of its size.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

from alphapulse_pipeline.datasets.values import Row, number
from alphapulse_pipeline.exchange.documented import SIX_MONTHS, Documented
from alphapulse_pipeline.exchange.feed import Feed, Raw, at, milliseconds
from alphapulse_pipeline.exchange.new_values import meaning
from alphapulse_pipeline.exchange.venues.binance import pages
from alphapulse_pipeline.exchange.venues.binance.common import (
    EARN,
    FUNDING,
    SPOT,
    rows_if_any,
    windowed,
)
from alphapulse_pipeline.exchange.venues.venue import Amend, Source, Wallet
from alphapulse_pipeline.exchange.walker import Numbered

_FLEXIBLE, _LOCKED = "sapiGetSimpleEarnFlexible", "sapiGetSimpleEarnLocked"
_ELSEWHERE = ""
"""Not a wallet that is read."""
_PART = "part"
"""A field that is added to the two parts of a subscription from two wallets: the part's wallet."""


# -- balances --------------------------------------------------------------------------------------


def _positions(method: str, required: tuple[str, ...], documented: Documented) -> Feed:
    return Feed(
        method,
        Numbered("current", at("total"), at(required[0])),
        {"size": documented.limit},
        rows_if_any,
        required=required,
        limit="size",
        documented=documented,
    )


_FLEXIBLE_POSITIONS = _positions(
    f"{_FLEXIBLE}Position",
    ("productId", "asset", "totalAmount", "collateralAmount"),
    pages.EARN_POSITIONS["flexible"],
)
_LOCKED_POSITIONS = _positions(
    f"{_LOCKED}Position", ("positionId", "asset", "amount"), pages.EARN_POSITIONS["locked"]
)


def _held(answer: Mapping[str, Any]) -> Iterable[tuple[str, Decimal, Decimal, None]]:
    """(asset, total, used, no debt): what is locked, or collateral of a loan, is used. An asset may
    have several positions of both kinds. The page's sample has more collateral than `totalAmount`,
    so that the one is not part of the other."""
    free: dict[str, Decimal] = {}
    locked: dict[str, Decimal] = {}
    for feed, field, amounts in (
        (_FLEXIBLE_POSITIONS, "totalAmount", free),
        (_FLEXIBLE_POSITIONS, "collateralAmount", locked),
        (_LOCKED_POSITIONS, "amount", locked),
    ):
        for row in answer[feed.method]:
            known = amounts.get(row["asset"], Decimal(0))
            amounts[row["asset"]] = known + (number(row[field]) or 0)
    for asset in sorted({*free, *locked}):
        used = locked.get(asset, Decimal(0))
        yield asset, free.get(asset, Decimal(0)) + used, used, None


WALLET = Wallet(
    EARN,
    assets=_held,
    documented=pages.EARN_POSITIONS["flexible"],
    lists=(_FLEXIBLE_POSITIONS, _LOCKED_POSITIONS),
    # LDO and other names that begin with LD are assets of their own, so that a prefix alone says
    # nothing: only the code of an asset that is in the wallet is left out
    repeated_as=lambda asset: (SPOT, f"LD{asset}"),
)


# -- subscriptions and redemptions -----------------------------------------------------------------

_ACCOUNTS = {"SPOT": SPOT, "FUNDING": FUNDING}
_BOTH = {"SPOT": "amtFromSpot", "FUNDING": "amtFromFunding"}
# "Get Flexible Subscription Record" and "Get Locked Subscription Record"
# (developers.binance.com/docs/simple_earn/flexible-locked/history, undated): where a subscription
# of a type comes from, if not from its `sourceAccount`
_ORIGINS = {
    "flexible": {
        "NORMAL": None,
        "AUTO": None,
        "CONVERT": EARN,  # from locked to flexible
        "TRANSFER": EARN,  # from locked savings to flexible
        "LOAN": None,  # collateral of a flexible loan
        "AI": _ELSEWHERE,  # from Auto-Invest
    },
    "locked": {
        "NORMAL": None,
        "AUTO": None,
        "ACTIVITY": None,
        "TRIAL": _ELSEWHERE,  # funds of a trial
        "RESTAKE": EARN,
    },
}
_SUBSCRIBED = {"PURCHASING": "pending", "SUCCESS": "ok", "FAILED": "failed"}
_REDEEMED = {"CREATED": "pending", "PAID": "ok", "FAILED": "failed"}
# type of a locked redemption -> wallet
_TARGETS = {"MATURE": SPOT, "NEW_TRANSFERRED": EARN, "AHEAD": SPOT}


def transfers() -> dict[str, Source]:
    """What moves between Earn and the other wallets: each row is a movement of both of them."""
    found = {}
    for product, prefix in (("flexible", _FLEXIBLE), ("locked", _LOCKED)):
        found[f"{product} subscriptions"] = _list(
            f"{prefix}HistorySubscriptionRecord",
            _subscription(product),
            ("purchaseId", "asset", "amount", "time", "type", "sourceAccount", "status"),
            pages.EARN_SUBSCRIPTIONS[product],
            rows=_by_account,
        )
    found["flexible redemptions"] = _list(
        f"{_FLEXIBLE}HistoryRedemptionRecord",
        _flexible_redemption,
        ("redeemId", "asset", "amount", "time", "destAccount", "status"),
        pages.EARN_REDEMPTIONS["flexible"],
    )
    found["locked redemptions"] = _list(
        f"{_LOCKED}HistoryRedemptionRecord",
        _locked_redemption,
        ("redeemId", "asset", "amount", "time", "type", "status"),
        pages.EARN_REDEMPTIONS["locked"],
    )
    return found


def _list(
    method: str,
    amend: Amend,
    required: tuple[str, ...],
    documented: Documented,
    rows: Callable[[Any], Any] = rows_if_any,
) -> Source:
    source = windowed(
        method,
        EARN,
        "parse_transfer",
        milliseconds("time"),
        amend,
        rows=rows,
        required=required,
        documented=documented,
        limit="size",
        kind="transfer",
        kept=SIX_MONTHS,
    )
    return replace(source, daily=True)


def _by_account(answer: Any) -> Any:
    """The rows; a subscription that was paid from two wallets is two."""
    found = rows_if_any(answer)
    if not isinstance(found, list):
        return found
    return [part for row in found for part in _parts(row)]


def _parts(row: Any) -> list[Any]:
    if not isinstance(row, dict) or row.get("sourceAccount") != "SPOTANDFUNDING":
        return [row]
    # an amount that is missing makes the row one that cannot be read
    return [{**row, _PART: name, "amount": row.get(field)} for name, field in _BOTH.items()]


def _subscription(product: str) -> Amend:
    origins = _ORIGINS[product]

    def amend(raw: Raw, row: Row) -> Row:
        account = str(raw.get(_PART) or raw["sourceAccount"])
        source = meaning(f"type of {product} subscription", raw["type"], origins, None)
        if source is None:
            source = meaning("account of a subscription", account, _ACCOUNTS, _ELSEWHERE)
        part = f" {account}" if _PART in raw else ""
        return row | {
            "transfer_id": f"{product} subscription {raw['purchaseId']}{part}",
            "from_wallet": source,
            "to_wallet": EARN,
            "status": meaning("subscription status", raw["status"], _SUBSCRIBED, "pending"),
        }

    return amend


def _flexible_redemption(raw: Raw, row: Row) -> Row:
    target = meaning("account of a redemption", raw["destAccount"], _ACCOUNTS, _ELSEWHERE)
    return _redemption("flexible", target, raw, row)


def _locked_redemption(raw: Raw, row: Row) -> Row:
    target = meaning("type of locked redemption", raw["type"], _TARGETS, _ELSEWHERE)
    return _redemption("locked", target, raw, row)


def _redemption(product: str, target: str, raw: Raw, row: Row) -> Row:
    return row | {
        "transfer_id": f"{product} redemption {raw['redeemId']}",
        "from_wallet": EARN,
        "to_wallet": target,
        "status": meaning("redemption status", raw["status"], _REDEEMED, "pending"),
    }


# -- rewards ---------------------------------------------------------------------------------------

_DIRECTIONS = {"1": 1, "-1": -1}


def rewards() -> dict[str, Source]:
    """Each wallet's rewards have one list, so that none counts twice."""
    earned = windowed(
        f"{_FLEXIBLE}HistoryRewardsRecord",
        EARN,
        "parse_ledger_entry",
        milliseconds("time"),
        _reward,
        rows=rows_if_any,
        required=("projectId", "asset", "rewards", "time", "type"),
        documented=pages.EARN_REWARDS,
        limit="size",
        kept=SIX_MONTHS,
        type="REALTIME",
    )
    dividends = windowed(
        "sapiGetAssetAssetDividend",
        SPOT,
        "parse_ledger_entry",
        milliseconds("divTime"),
        _dividend,
        rows=rows_if_any,
        required=("id", "tranId", "asset", "amount", "divTime"),
        documented=pages.DIVIDENDS,
        window=SIX_MONTHS,
        kept=SIX_MONTHS,
    )
    return {EARN: replace(earned, daily=True), "dividends": replace(dividends, daily=True)}


def _reward(raw: Raw, row: Row) -> Row | None:
    """Rewards have no id. Other types than the one requested are read elsewhere."""
    if raw["type"] != "REALTIME":
        return None
    return row | {
        "class": "reward",
        "kind": raw["type"],
        "asset": raw["asset"],
        "entry_id": f"{raw['projectId']} {raw['asset']} {raw['time']}",
        "amount": number(raw["rewards"]),
        "reference_id": raw["projectId"],
    }


def _dividend(raw: Raw, row: Row) -> Row:
    """`direction` is 1 for what is credited and -1 for what is debited; older pages lack it."""
    sign = meaning("direction of a dividend", str(raw.get("direction", 1)), _DIRECTIONS, 1)
    amount = number(raw["amount"])
    return row | {
        "class": "reward",
        "kind": "DIVIDEND",
        "asset": raw["asset"],
        "entry_id": str(raw["id"]),
        "amount": None if amount is None else sign * amount,
        "reference_id": str(raw["tranId"]),
    }
