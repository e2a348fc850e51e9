"""Binance's conversions: Convert, small balances swapped for BNB or another asset ("dust"), what
was bought and sold for fiat money, and what was staked.

No list says which wallet it is about. Convert pays from spot, funding or Earn (`walletType` of
Send Quote Request), and its history does not repeat the choice: its rows are booked in the spot
wallet, so that a conversion paid from another wallet shows as a difference of its size in both.
"""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from alphapulse_pipeline.datasets.values import Row, number
from alphapulse_pipeline.exchange.documented import Documented
from alphapulse_pipeline.exchange.errors import Unreadable
from alphapulse_pipeline.exchange.feed import Caller, Feed, Page, Raw, at, milliseconds
from alphapulse_pipeline.exchange.venues.binance import fiat, staking
from alphapulse_pipeline.exchange.venues.binance.common import SPOT, windowed
from alphapulse_pipeline.exchange.venues.venue import Source

_DATED = "2026-08-21"
_READING = "Enable Reading"
_CATALOG = "developers.binance.com/en/docs/catalog/core-trading-"
_CONVERT = Documented(
    page=f"{_CATALOG}convert/api/rest-api/trade#get-convert-trade-history",
    dated=_DATED,
    limit=1000,
    default_limit=100,
    cost="3000 of 180000 per minute and user: 60 requests",
    permission=_READING,
    note="windows of at most 30 days; the limits are those of the same endpoint on "
    "developers.binance.com/docs, undated. The wallet that paid is not listed: spot is assumed",
)
_DUST = Documented(
    page=f"{_CATALOG}wallet/api/rest-api/asset#dustlog",
    dated=_DATED,
    limit=100,
    cost="1 of 12000 per minute, IP and endpoint",
    permission=_READING,
    note="only the last 100 records, and only those after 2020-12-01. Whether a record is an asset "
    "or all assets swapped at once is left open: 100 assets are taken for a full answer. The "
    "amounts of the sample add up to transferedAmount after its fee of 2 %. Dust of cross margin "
    "is not read: whether its capital flow lists it as well is left open",
)
_KEPT_SINCE = datetime(2020, 12, 2, tzinfo=UTC)
_DROPPED = "Binance lists only the last 100 conversions of small balances"
# PROCESS, ACCEPT_SUCCESS, SUCCESS, FAIL: "Accept the offered quote" (undated;
# developers.binance.com/docs/derivatives/usds-margined-futures/convert/Accept-Quote)
_FAILED = "FAIL"
_DONE = "SUCCESS"


@dataclass(frozen=True)
class _Newest:
    """A list of no more than the newest rows, which takes no window here: whether a window reaches
    further back is not documented. A full answer proves what is newer than its oldest row."""

    async def walk(
        self, call: Caller, feed: Feed, start: int, end: int, after: str | None = None
    ) -> AsyncGenerator[Page, None]:
        rows = feed.read(await call(feed.method, feed.params))
        times, untimed = feed.times(rows), feed.untimed(rows)
        proven = start
        if feed.whole_below is not None and len(rows) >= feed.whole_below:
            # rows of the oldest one's millisecond may be missing
            proven = min(max(start, min(times) + 1), end) if times else end
        if proven > start:
            older = feed.within(rows, start, proven)
            yield Page([*older, *untimed], start, proven, unverified=_DROPPED)
        if proven < end:
            yield Page([*feed.within(rows, proven, end), *untimed], proven, end)


def conversions() -> dict[str, Source]:
    return (
        fiat.conversions()
        | staking.conversions()
        | {
            "convert": windowed(
                "sapiGetConvertTradeFlow",
                SPOT,
                "parse_conversion",
                milliseconds("createTime"),
                _converted,
                rows=at("list"),
                required=(
                    *("orderId", "orderStatus", "fromAsset", "fromAmount"),
                    *("toAsset", "toAmount", "createTime"),
                ),
                documented=_CONVERT,
                window=timedelta(days=30),
                kind="convert",
            ),
            "dust": Source(
                Feed(
                    "sapiGetAssetDribblet",
                    _Newest(),
                    {"accountType": "SPOT"},
                    _swapped_assets,
                    milliseconds("operateTime"),
                    required=(
                        *("transId", "fromAsset", "amount", "targetAsset"),
                        *("transferedAmount", "serviceChargeAmount", "operateTime"),
                    ),
                    begins=_KEPT_SINCE,
                    documented=_DUST,
                ),
                wallet=SPOT,
                parse="parse_conversion",
                kind="dust",
                amend=_swapped,
            ),
        }
    )


def _converted(raw: Raw, row: Row) -> Row | None:
    """Raises `Unreadable` for a conversion that is still in process, or of an unknown status:
    whether anything was exchanged is not known then."""
    if raw["orderStatus"] == _FAILED:
        return None
    if raw["orderStatus"] != _DONE:
        raise Unreadable(f"a conversion of Binance has the status {raw['orderStatus']}")
    return row | {"conversion_id": str(raw["orderId"])}


def _swapped_assets(answer: Any) -> list[Any]:
    """Every asset of every swap, with its time under the name that ccxt reads as well."""
    return [
        {**asset, "createTime": asset.get("operateTime")} if isinstance(asset, dict) else asset
        for swap in answer["userAssetDribblets"]
        for asset in swap["userAssetDribbletDetails"]
    ]


def _swapped(raw: Raw, row: Row) -> Row:
    """What was received is listed after the fee, which is in the asset received."""
    received, fee = number(raw["transferedAmount"]), number(raw["serviceChargeAmount"])
    if received is None or fee is None:
        raise Unreadable(f"dust without what was received or paid for it: {raw['transId']}")
    return row | {
        "conversion_id": f"{raw['transId']}_{raw['fromAsset']}",
        "from_amount": number(raw["amount"]),
        "to_amount": received + fee,
        "fee_cost": fee,
        "fee_currency": row["to_asset"],
    }
