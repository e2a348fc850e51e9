"""Conversions (documentation as of 2026-08-21: "Get Convert Trade History", Convert, and "DustLog",
Wallet)."""

from typing import Any

from exchange_simulator.binance import names
from exchange_simulator.binance.answers import Refused
from exchange_simulator.binance.call import Call, Result
from exchange_simulator.markets import DAY
from exchange_simulator.money import nearest, plain
from exchange_simulator.records import Conversion
from exchange_simulator.world import World

_LONGEST = 30 * DAY


def trade_flow(call: Call) -> Result:
    """Both times are mandatory. The order of the rows is not documented: here newest first."""
    call.required("startTime")
    call.required("endTime")
    start, end = call.integer("startTime") or 0, call.integer("endTime") or 0
    if not 0 <= end - start <= _LONGEST:
        raise Refused(-1127)
    limit = call.limit(100, 1000)
    found = [
        conversion
        for _, conversion in call.exchange.newest_first(
            call.world.account.conversions, start, end, call.now
        )
        if conversion.number not in call.world.cashier.payment_ids
        and conversion.number not in call.world.staker.conversion_ids
    ]
    return {
        "list": [_converted(call.world, conversion) for conversion in found[:limit]],
        "startTime": start,
        "endTime": end,
        "limit": limit,
        "moreData": len(found) > limit,
    }


def dust_log(call: Call) -> Result:
    """The account never swapped small balances."""
    for name in ("accountType", "startTime", "endTime"):
        call.text(name)
    return {"total": 0, "userAssetDribblets": []}


def _converted(world: World, conversion: Conversion) -> dict[str, Any]:
    return {
        "quoteId": f"{conversion.number:032x}",
        "orderId": int(names.conversion_id(world, conversion)),
        "orderStatus": "SUCCESS",
        "fromAsset": conversion.from_asset,
        "fromAmount": plain(conversion.from_amount),
        "toAsset": conversion.to_asset,
        "toAmount": plain(conversion.to_amount),
        "ratio": plain(nearest(conversion.to_amount / conversion.from_amount)),
        "inverseRatio": plain(nearest(conversion.from_amount / conversion.to_amount)),
        "createTime": conversion.happened_at,
    }
