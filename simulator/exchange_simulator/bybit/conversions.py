"""Conversions (documentation: "Get Convert History" of 2026-03-16, "Get Exchange History" of
Convert Small Balances, 2026-03-16). Their order is not documented: here newest first."""

from collections.abc import Sequence
from itertools import groupby
from typing import Any

from exchange_simulator.bybit.answers import Refused
from exchange_simulator.bybit.call import Call, Result
from exchange_simulator.bybit.names import exchange_id
from exchange_simulator.money import ZERO, nearest, plain
from exchange_simulator.records import Conversion

_UNIFIED, _FUNDING = "eb_convert_uta", "eb_convert_funding"
_TYPES = {"unified": _UNIFIED, "funding": _FUNDING}
_NO_TAX = {"totalAmount": "0", "feeCoin": "", "taxFeeItems": []}


def history(call: Call) -> Result:
    """Without small balances."""
    asked = set(filter(None, call.text("accountType").split(",")))
    size, page = call.limit(20, 100), call.integer("index") or 1
    rows = [
        _converted(call, conversion)
        for conversion in _newest_first(call)
        if conversion.swap is None and (not asked or _TYPES[conversion.wallet] in asked)
    ]
    return {"list": rows[(page - 1) * size : page * size]}


def small_balances(call: Call) -> Result:
    """Pages are numbered by `cursor`."""
    asked, quote = call.text("accountType"), call.text("quoteId")
    if asked not in ("", _UNIFIED, _FUNDING):
        raise Refused(10001, "params error: accountType is not supported")
    size, page = min(call.integer("size") or 50, 100), call.integer("cursor") or 1
    swapped = [c for c in _newest_first(call) if c.swap is not None]
    records = [
        _record(call, list(parts)) for _, parts in groupby(swapped, key=lambda part: part.swap)
    ]
    start, end = call.integer("startTime") or 0, call.integer("endTime") or call.now
    records = [
        record
        for record in records
        if asked in ("", record["accountType"])
        and quote in ("", record["exchangeTxId"])
        and start <= int(record["createdAt"]) <= end
    ]
    return {
        "cursor": str(page),
        "size": str(size),
        "lastPage": str(-(-len(records) // size)),
        "totalCount": str(len(records)),
        "records": records[(page - 1) * size : page * size],
    }


def _newest_first(call: Call) -> list[Conversion]:
    timeline = call.exchange.world.account.conversions
    return [row for _, row in call.exchange.newest_first(timeline, 0, call.now, call.now)]


def _converted(call: Call, conversion: Conversion) -> dict[str, Any]:
    return {
        "accountType": _TYPES[conversion.wallet],
        "exchangeTxId": exchange_id(call.exchange.world, conversion),
        "userId": str(call.key.uid),
        "fromCoin": conversion.from_asset,
        "fromCoinType": "crypto",
        "fromAmount": plain(conversion.from_amount),
        "toCoin": conversion.to_asset,
        "toCoinType": "crypto",
        "toAmount": plain(conversion.to_amount),
        "exchangeStatus": "success",
        "extInfo": {},
        "convertRate": plain(nearest(conversion.to_amount / conversion.from_amount)),
        "createdAt": str(conversion.listed_at),
    }


def _record(call: Call, parts: Sequence[Conversion]) -> dict[str, Any]:
    """Amounts received are after the fee, as in the page's sample."""
    first = parts[0]
    return {
        "accountType": _TYPES[first.wallet],
        "exchangeTxId": exchange_id(call.exchange.world, first),
        "toCoin": first.to_asset,
        "toAmount": plain(sum((part.to_amount - part.fee for part in parts), ZERO)),
        "subRecords": [
            {
                "fromCoin": part.from_asset,
                "fromAmount": plain(part.from_amount),
                "toCoin": part.to_asset,
                "toAmount": plain(part.to_amount - part.fee),
                "feeCoin": part.to_asset,
                "feeAmount": plain(part.fee),
                "status": "success",
                "taxFeeInfo": _NO_TAX,
            }
            for part in parts
        ],
        "status": "success",
        "createdAt": str(first.listed_at),
        "exchangeSource": "small_asset_uta",
        "feeCoin": first.to_asset,
        "totalFeeAmount": plain(sum((part.fee for part in parts), ZERO)),
        "totalTaxFeeInfo": _NO_TAX,
    }
