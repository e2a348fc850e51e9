"""Flexible savings and on-chain earn (documentation: "Get Product Info", "Get Staked Position",
"Get Stake/Redeem Order History")."""

from exchange_simulator.bybit.answers import Refused
from exchange_simulator.bybit.call import Call, Result
from exchange_simulator.bybit.names import is_of_earn, transfer_id
from exchange_simulator.money import ZERO, plain
from exchange_simulator.records import Transfer

EARN = "earn"
PRODUCTS = {"USDT": "428", "USDC": "431", "SOL": "8"}


_LIQUID = (("ETH", "METH", "21"),)
"""Coin, the token that is received for it, and product."""


def products(call: Call) -> Result:
    """Documentation: "Get Product Info"."""
    on_chain = category(call) == "OnChain"
    listed = [
        _product(call, coin, number, "")
        for coin, number in PRODUCTS.items()
        if (coin in call.exchange.world.layout.staked) == on_chain
    ]
    if on_chain:
        listed += [_product(call, coin, number, token) for coin, token, number in _LIQUID]
    return {"list": [row for row in listed if call.text("coin") in ("", row["coin"])]}


def _product(call: Call, coin: str, number: str, token: str) -> dict[str, object]:
    on_chain = call.text("category") == "OnChain"
    only_liquid = "1" if token else ""
    return {
        "category": call.text("category"),
        "estimateApr": "4.25%",
        "coin": coin,
        "minStakeAmount": "0.001",
        "maxStakeAmount": "100000",
        "precision": "8",
        "productId": number,
        "status": "Available",
        "bonusEvents": [],
        "minRedeemAmount": only_liquid and "0.001",
        "maxRedeemAmount": only_liquid and "100000",
        "duration": "Flexible" if on_chain else "",
        "term": 0,
        "swapCoin": token,
        "swapCoinPrecision": only_liquid and "8",
        "stakeExchangeRate": only_liquid,
        "redeemExchangeRate": only_liquid,
        "rewardDistributionType": ("Other" if token else "Simple") if on_chain else "",
        "rewardIntervalMinute": 0 if token else 1440,
        "redeemProcessingMinute": 4320 if on_chain else 0,
        "stakeTime": "",
        "interestCalculationTime": "",
    }


def category(call: Call) -> str:
    value = call.required("category")
    if value not in ("FlexibleSaving", "OnChain"):
        raise Refused(10001, "params error: category is not supported")
    return value


def positions(call: Call) -> Result:
    """Of flexible savings, a position that was redeemed completely is listed, too."""
    on_chain = category(call) == "OnChain"
    world = call.exchange.world
    return {
        "list": [
            {
                "coin": held.asset,
                "productId": PRODUCTS[held.asset],
                "amount": plain(held.total),
                "totalPnl": "0" if on_chain else "",
                "claimableYield": "" if on_chain else "0.0608",
                "id": "326" if on_chain else "",
                "status": "Active" if on_chain else "",
                "orderId": "1a5a8945-e042-4dd5-a93f-c0f0577377ad" if on_chain else "",
                "estimateRedeemTime": "",
                "estimateStakeTime": "",
                "estimateInterestCalculationTime": str(world.genesis) if on_chain else "",
                "settlementTime": "",
                "autoReinvest": "Disable" if on_chain else "",
                "availableAmount": plain(ZERO if on_chain else held.total),
                "freezeDetails": [],
            }
            for held in world.balances(call.now)
            if held.wallet == EARN
            and (held.asset in world.layout.staked) == on_chain
            and (held.total or not on_chain)
            and call.text("coin") in ("", held.asset)
        ]
    }


def orders(call: Call) -> Result:
    """Of flexible savings; those of on-chain earn are found by id only."""
    world = call.exchange.world
    if category(call) == "OnChain":
        raise Refused(10001, "params error: orderId or orderLinkId is required")

    def keep(transfer: Transfer) -> bool:
        return (
            is_of_earn(transfer)
            and transfer.kind == "transfer"
            and transfer.asset not in world.layout.staked
            and call.text("orderId") in ("", transfer_id(world, transfer))
        )

    found, cursor = call.newest_first(
        world.account.transfers, call.window(), call.limit(50, 100), keep
    )
    return {
        "list": [
            {
                "coin": order.asset,
                "orderValue": plain(order.amount),
                "orderType": "Stake" if order.to_wallet == EARN else "Redeem",
                "orderId": transfer_id(world, order),
                "orderLinkId": "",
                "status": "Success" if order.status(call.now) == "ok" else "Pending",
                "createdAt": str(order.happened_at),
                "productId": PRODUCTS[order.asset],
                "updatedAt": str(min(order.done_at, call.now)),
                "swapOrderValue": "",
                "estimateRedeemTime": "",
                "estimateStakeTime": "",
            }
            for order in found
        ],
        "nextPageCursor": cursor,
    }
