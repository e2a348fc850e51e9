"""Bybit's conversions: Convert, and small balances swapped for one coin.

The ledgers of both wallets book a conversion as well, when it is executed; the lists have the time
of the quote, which is accepted within 15 seconds ("Convert Guideline", 2025-03-13), of small
balances within 30. Not read: "Get Coin Exchange Records" (2026-03-16), whose rows name neither a
wallet nor a status: the page does not say what it lists beyond the other two. Conversions of
brokers' users from and to fiat are lists of brokers.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from alphapulse_pipeline.datasets.values import Row, number
from alphapulse_pipeline.exchange.errors import Unreadable
from alphapulse_pipeline.exchange.feed import Caller, Feed, Raw, at, milliseconds
from alphapulse_pipeline.exchange.venues.bybit.account import CONVERT_PERMISSION
from alphapulse_pipeline.exchange.venues.bybit.common import (
    FUNDING,
    LIST,
    UNIFIED,
    WEBSITE_CONVERSIONS,
    page,
)
from alphapulse_pipeline.exchange.venues.venue import Source
from alphapulse_pipeline.exchange.walker import Final, Numbered, Uncounted

_WHOLE = (
    "no time windows, and no order is stated, so the whole list is read each time; neither how "
    "long rows are kept nor how late they appear is said"
)
_CONVERT = page(
    "asset/convert/get-convert-history",
    "2026-03-16",
    100,
    20,
    cost="1 of 50 per second",
    permission=CONVERT_PERMISSION,
    note=f"{_WHOLE}; conversions of the website are listed since 2025-09-10, whether those before "
    "it are is left open: once a wallet's ledger has a conversion, that time counts as not served; "
    "createdAt is the time of the quote",
)
_DUST = page(
    "asset/convert-small-balance/exchange-history",
    "2026-03-16",
    100,
    50,
    cost="1 of 5 per second",
    permission=CONVERT_PERMISSION,
    note=f"{_WHOLE}; the page calls the permission Convert, which no key has by that name, and "
    "says 10 requests per second. The amounts of the sample add up to toAmount after its fee of "
    "2 %. A balance of which only a part was swapped is rejected: which amounts it lists is left "
    "open",
)
_SINCE = datetime(2025, 9, 10, tzinfo=UTC)

# accountType: by API "eb_convert_", all others by website and app
_WALLETS = {
    "eb_convert_uta": UNIFIED,
    **dict.fromkeys(
        (
            *("eb_convert_funding", "funding", "funding_fiat", "funding_fbtc_convert"),
            "funding_block_trade",
        ),
        FUNDING,
    ),
}
_PENDING = frozenset({"init", "processing"})
_FAILED, _DONE = "failure", "success"
_ID, _TIME, _STATUS = "exchangeTxId", "createdAt", "exchangeStatus"
_FIELDS = ("accountType", _ID, "fromCoin", "fromAmount", "toCoin", "toAmount", _STATUS, _TIME)


def conversions() -> dict[str, Source]:
    convert = Source(
        Feed(
            "privateGetV5AssetExchangeQueryConvertHistory",
            Final(Uncounted("index", at(_ID)), _is_pending),
            {"limit": _CONVERT.limit},
            LIST,
            milliseconds(_TIME),
            required=_FIELDS,
            documented=_CONVERT,
        ),
        wallet=UNIFIED,
        parse="parse_conversion",
        kind="convert",
        amend=_converted,
    )
    since = replace(convert, feed=replace(convert.feed, begins=_SINCE))
    unified, funding = WEBSITE_CONVERSIONS
    return {
        "convert": convert,
        # an account that never converted has lost nothing of the time before
        unified: replace(since, once_booked="CURRENCY_BUY"),
        funding: replace(since, wallet=FUNDING, once_booked="Convert"),
        "dust": Source(
            Feed(
                "privateGetV5AssetCovertSmallBalanceHistory",
                Final(_Swaps("cursor", at("result", "totalCount"), at(_ID)), _is_pending),
                {"size": _DUST.limit},
                _swapped_coins,
                milliseconds(_TIME),
                required=(*_FIELDS, "feeCoin", "feeAmount"),
                limit="size",
                documented=_DUST,
            ),
            wallet=UNIFIED,
            parse="parse_conversion",
            kind="dust",
            amend=_swapped,
        ),
    }


@dataclass(frozen=True)
class _Swaps(Numbered):
    """Count and pages are about swaps of several coins, the rows are their parts."""

    async def everything(self, call: Caller, feed: Feed) -> list[Raw]:
        swaps = await super().everything(call, replace(feed, rows=_records))
        return [part for swap in swaps for part in _parts(swap)]


def _swapped_coins(answer: Any) -> Any:
    """Every coin of every swap, with what the coins of a swap have in common."""
    found = _records(answer)
    if not isinstance(found, list):
        return found
    return [part for swap in found for part in (_parts(swap) if isinstance(swap, dict) else [swap])]


def _parts(swap: Raw) -> list[Raw]:
    """A swap that does not list its parts is returned as it is, and rejected."""
    parts = swap.get("subRecords")
    if not isinstance(parts, list) or not parts:
        return [swap]
    common = {name: swap.get(name) for name in ("accountType", _ID, _TIME)}
    return [
        {**part, **common, _STATUS: part.get("status")} if isinstance(part, dict) else {"": part}
        for part in parts
    ]


def _records(answer: Any) -> Any:
    """The swaps. An answer that counts none may have no list."""
    found, count = (at("result", name)(answer) for name in ("records", "totalCount"))
    return [] if found is None and str(count) == "0" else found


def _is_pending(row: Raw) -> bool:
    return row.get(_STATUS) in _PENDING


def _converted(raw: Raw, row: Row) -> Row | None:
    """Raises `Unreadable` for an unknown status or wallet: what was exchanged is not known then."""
    if raw[_STATUS] == _FAILED:
        return None
    wallet = _WALLETS.get(str(raw["accountType"]))
    if raw[_STATUS] != _DONE or wallet is None:
        raise Unreadable(
            f"a conversion of Bybit has the status {raw[_STATUS]} and the account type "
            f"{raw['accountType']}"
        )
    return row | {"conversion_id": raw[_ID], "wallet": wallet}


def _swapped(raw: Raw, row: Row) -> Row | None:
    """What was received is listed after the fee, which is in the coin received."""
    swapped = _converted(raw, row)
    if swapped is None:
        return None
    received, fee = number(raw["toAmount"]), number(raw["feeAmount"])
    if received is None or fee is None or (fee and raw["feeCoin"] != raw["toCoin"]):
        raise Unreadable(f"small balances of Bybit with a fee in {raw['feeCoin']}: {raw[_ID]}")
    return swapped | {
        "conversion_id": f"{raw[_ID]}_{raw['fromCoin']}",
        "to_amount": received + fee,
        "fee_cost": fee,
        "fee_currency": row["to_asset"] if fee else None,
    }
