"""ETH and SOL staking (documentation, Staking: "Get ETH staking history", "Get ETH redemption
history", "Get WBETH wrap history", "Get WBETH unwrap history", "Get SOL staking history", "Get SOL
redemption history").

The pages do not say in which order rows are listed, nor how long they are kept: here newest first,
and forever.
"""

from collections.abc import Callable
from typing import Any

from exchange_simulator.binance.call import Call, Result
from exchange_simulator.binance.figures import eight
from exchange_simulator.binance.pages import wallet_window
from exchange_simulator.markets import DAY
from exchange_simulator.money import nearest
from exchange_simulator.staker import Swap

_LONGEST = 90 * DAY
_WITHOUT_TIMES = 30 * DAY


def _listed(name: str, fields: Callable[[Call, Swap], dict[str, Any]]) -> Callable[[Call], Result]:
    def answer(call: Call) -> Result:
        for parameter in ("purchaseId", "redeemId"):
            call.text(parameter)
        both = call.text("startTime") and call.text("endTime")
        window = wallet_window(call, _LONGEST if both else _WITHOUT_TIMES)
        rows = [
            {"time": swap.happened_at, **fields(call, swap)}
            for _, swap in call.exchange.newest_first(
                call.world.staker.swaps, window.start, window.end, call.now
            )
            if swap.list == name
        ]
        current, size = call.integer("current") or 1, call.limit(10, 100, "size")
        return {"rows": rows[(current - 1) * size : current * size], "total": len(rows)}

    return answer


def _distributed(ratio: str) -> Callable[[Call, Swap], dict[str, Any]]:
    def fields(call: Call, swap: Swap) -> dict[str, Any]:
        (asset, amount), (received, distributed) = swap.given, swap.received
        coins, tokens = sorted((amount, distributed), reverse=True)
        return {
            "asset": asset,
            "amount": eight(amount),
            "distributeAsset": received,
            "distributeAmount": eight(distributed),
            ratio: eight(nearest(coins / tokens)),
            "status": "SUCCESS" if swap.arrives_at <= call.now else "PENDING",
        }

    return fields


def _redeemed(ratio: str) -> Callable[[Call, Swap], dict[str, Any]]:
    distributed = _distributed(ratio)
    return lambda call, swap: {"arrivalTime": swap.arrives_at, **distributed(call, swap)}


def _wrapped(call: Call, swap: Swap) -> dict[str, Any]:
    (asset, amount), (received, distributed) = swap.given, swap.received
    coins, tokens = sorted((amount, distributed), reverse=True)
    return {
        "fromAsset": asset,
        "fromAmount": eight(amount),
        "toAsset": received,
        "toAmount": eight(distributed),
        "exchangeRate": eight(nearest(coins / tokens)),
        "status": "SUCCESS",
    }


LISTS = {
    "eth-staking/eth/history/stakingHistory": _listed("eth stake", _distributed("conversionRatio")),
    "eth-staking/eth/history/redemptionHistory": _listed(
        "eth redemption", _redeemed("conversionRatio")
    ),
    "eth-staking/wbeth/history/wrapHistory": _listed("beth wrap", _wrapped),
    "eth-staking/wbeth/history/unwrapHistory": _listed("wbeth unwrap", _wrapped),
    "sol-staking/sol/history/stakingHistory": _listed("sol stake", _distributed("exchangeRate")),
    "sol-staking/sol/history/redemptionHistory": _listed(
        "sol redemption", _redeemed("exchangeRate")
    ),
}
