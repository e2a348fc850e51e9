"""Simple Earn (documentation, Simple Earn, Flexible/Locked: "Get Flexible Product Position", "Get
Locked Product Position", "Get Flexible Subscription Record", ... "Redemption Record", ... "Rewards
History", and the same for locked products; Wallet: "Asset Dividend Record").

The pages name neither an order of the rows nor how long they are kept: here they are newest first
and kept for six months. The list of dividends has the rewards that are paid to spot, and the lists
of rewards have them, too.
"""

from collections.abc import Callable, Iterator
from typing import Any, Literal, get_args

from exchange_simulator.binance.answers import Refused
from exchange_simulator.binance.call import Call, Result
from exchange_simulator.binance.figures import eight
from exchange_simulator.binance.pages import wallet_window
from exchange_simulator.binance.retention import SIX_MONTHS
from exchange_simulator.markets import DAY
from exchange_simulator.money import ZERO
from exchange_simulator.records import Reward
from exchange_simulator.saver import Move, Product

_LONGEST = 30 * DAY
_LONGEST_OF_DIVIDENDS = 180 * DAY
_RewardType = Literal["BONUS", "REALTIME", "REWARDS", "ALL"]
_WORDS = {"flexible": "Flexible", "locked": "Locked"}


def flexible_positions(call: Call) -> Result:
    """What is collateral is not part of `totalAmount`, as in the page's sample."""
    product, pledged = call.text("productId"), call.world.borrower.pledged(call.now)
    rows = [
        {
            "totalAmount": eight(amount - pledged.get(asset, ZERO)),
            "latestAnnualPercentageRate": "0.02599895",
            "asset": asset,
            "canRedeem": True,
            "collateralAmount": eight(pledged[asset]) if pledged.get(asset) else "0",
            "productId": f"{asset}001",
            "autoSubscribe": False,
        }
        for asset, amount in call.world.saver.flexible(call.now).items()
        if product in ("", f"{asset}001")
    ]
    return _page(call, _of_asset(call, rows))


def locked_positions(call: Call) -> Result:
    asked, project = call.text("positionId"), call.text("projectId")
    rows = [
        {
            "positionId": held.position,
            "projectId": f"{held.asset}*5",
            "asset": held.asset,
            "amount": eight(held.amount),
            "purchaseTime": str(held.since),
            "duration": "5",
            "rewardAsset": held.asset,
            "deliverDate": str(held.until),
            "redeemTo": "SPOT",
            "autoSubscribe": False,
            "type": "NORMAL",
            "status": "HOLDING",
        }
        for held in call.world.saver.locked(call.now)
        if asked in ("", str(held.position)) and project in ("", f"{held.asset}*5")
    ]
    return _page(call, _of_asset(call, rows))


def _flexible_subscription(move: Move) -> dict[str, Any]:
    return {
        "purchaseId": move.id,
        "productId": f"{move.transfer.asset}001",
        "type": "LOAN" if move.is_collateral else "NORMAL",
        "sourceAccount": "SPOT",
        "status": "SUCCESS",
    }


def _locked_subscription(move: Move) -> dict[str, Any]:
    return {
        "positionId": move.position,
        "purchaseId": str(move.id),
        "projectId": f"{move.transfer.asset}*5",
        "lockPeriod": "5",
        "type": "NORMAL",
        "sourceAccount": "SPOT",
        "status": "SUCCESS",
    }


def _flexible_redemption(move: Move) -> dict[str, Any]:
    return {
        "projectId": f"{move.transfer.asset}001",
        "redeemId": move.id,
        "destAccount": "SPOT",
        "status": "PAID",
    }


def _locked_redemption(move: Move) -> dict[str, Any]:
    return {
        "positionId": move.position,
        "redeemId": move.id,
        "lockPeriod": "5",
        "originalAmount": eight(move.transfer.amount),
        "type": "MATURE",
        "deliverDate": str(move.transfer.happened_at),
        "lossAmount": "0",
        "isComplete": True,
        "status": "PAID",
    }


def _moves(
    product: Product, action: str, fields: Callable[[Move], dict[str, Any]]
) -> Callable[[Call], Result]:
    def answer(call: Call) -> Result:
        for name in ("productId", "purchaseId", "redeemId", "positionId"):
            call.text(name)
        rows = [
            {
                "amount": eight(move.transfer.amount),
                "asset": move.transfer.asset,
                "time": move.transfer.happened_at,
                **fields(move),
            }
            for move in _seen(call, call.world.saver.history, _LONGEST)
            if (move.product, move.action) == (product, action)
        ]
        return _page(call, _of_asset(call, rows))

    return answer


def flexible_rewards(call: Call) -> Result:
    wanted = call.text("type") or "ALL"
    call.text("productId")
    if wanted not in get_args(_RewardType):
        raise Refused(-1128)
    rows = [
        {
            "asset": reward.asset,
            "rewards": eight(reward.amount),
            "projectId": f"{reward.asset}001",
            "type": kind,
            "time": reward.happened_at,
        }
        for reward in _rewards(call, _LONGEST)
        if reward.product == "flexible"
        and wanted in ("ALL", kind := "REALTIME" if reward.wallet == "earn" else "BONUS")
    ]
    return _page(call, _of_asset(call, rows))


def locked_rewards(call: Call) -> Result:
    call.text("positionId")
    rows = [
        {
            "positionId": 123_123,
            "time": reward.happened_at,
            "asset": reward.asset,
            "lockPeriod": "5",
            "amount": eight(reward.amount),
            "type": "Locked Rewards",
        }
        for reward in _rewards(call, _LONGEST)
        if reward.product == "locked"
    ]
    return _page(call, _of_asset(call, rows))


def dividends(call: Call) -> Result:
    """The newest rows of the window, without pages."""
    rows = [
        {
            "id": 1_637_366_104 + reward.number,
            "amount": eight(reward.amount),
            "asset": reward.asset,
            "divTime": reward.happened_at,
            "enInfo": _WORDS[reward.product],
            "tranId": 2_968_885_920 + reward.number,
            "direction": 1,
        }
        for reward in _rewards(call, _LONGEST_OF_DIVIDENDS)
        if reward.wallet == "spot"
    ]
    rows = _of_asset(call, rows)
    return {"rows": rows[: call.limit(20, 500)], "total": len(rows)}


LISTS = {
    "flexible/position": flexible_positions,
    "locked/position": locked_positions,
    "flexible/history/subscriptionRecord": _moves(
        "flexible", "subscription", _flexible_subscription
    ),
    "locked/history/subscriptionRecord": _moves("locked", "subscription", _locked_subscription),
    "flexible/history/redemptionRecord": _moves("flexible", "redemption", _flexible_redemption),
    "locked/history/redemptionRecord": _moves("locked", "redemption", _locked_redemption),
    "flexible/history/rewardsRecord": flexible_rewards,
    "locked/history/rewardsRecord": locked_rewards,
}


# -- internals ---------------------------------------------------------------------------------


def _rewards(call: Call, longest: int) -> Iterator[Reward]:
    yield from _seen(call, call.world.saver.rewards, longest)


def _seen(call: Call, timeline: Any, longest: int) -> Iterator[Any]:
    """Newest first. Without times, the last 30 days."""
    neither = not call.text("startTime") and not call.text("endTime")
    window = wallet_window(call, _LONGEST if neither else longest)
    start = max(window.start, call.now - SIX_MONTHS)
    for _, row in call.exchange.newest_first(timeline, start, window.end, call.now):
        yield row


def _of_asset(call: Call, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    asset = call.text("asset")
    return [row for row in rows if asset in ("", row["asset"])]


def _page(call: Call, rows: list[dict[str, Any]]) -> Result:
    current, size = call.integer("current") or 1, call.limit(10, 100, "size")
    return {"rows": rows[(current - 1) * size : current * size], "total": len(rows)}
