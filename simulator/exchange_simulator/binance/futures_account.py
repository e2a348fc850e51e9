"""Balances of the futures wallets: cross margin, single-asset mode.

Documentation, USD-M: "Account Information V2" and "V3", "Futures Account Balance V2" and "V3",
"Account Configuration", "Get Current Position Mode"; COIN-M: the same without versions.
"""

from decimal import Decimal
from typing import Any, NamedTuple

from exchange_simulator.binance.account import RIGHTS
from exchange_simulator.binance.call import Call, Result
from exchange_simulator.binance.figures import eight
from exchange_simulator.binance.futures_orders import wallet_of
from exchange_simulator.binance.futures_positions import (
    in_account,
    maintenance,
    positions,
    profit,
)
from exchange_simulator.money import ZERO
from exchange_simulator.world import Balance

_UNTOUCHED = "BNB"
"""An asset that the wallet supports but never held: its `updateTime` is 0."""


class Asset(NamedTuple):
    """A futures wallet's balance of one asset, with the positions margined in it."""

    name: str
    balance: Decimal
    profit: Decimal
    maintenance: Decimal
    positions: Decimal
    """Initial margin of the positions; below, of the orders."""
    orders: Decimal
    updated_at: int

    @property
    def initial(self) -> Decimal:
        return self.positions + self.orders

    @property
    def margin(self) -> Decimal:
        return self.balance + self.profit

    @property
    def available(self) -> Decimal:
        return max(self.margin - self.initial, ZERO)


def account_v2(call: Call) -> Result:
    return {
        "feeTier": 0,
        "feeBurn": True,
        **RIGHTS,
        "updateTime": 0,
        "multiAssetsMargin": False,
        "tradeGroupId": -1,
        **_account(call),
        "positions": [in_account(call, position) for position in positions(call)],
    }


def account_v3(call: Call) -> Result:
    """Without flat positions."""
    open_ones = [position for position in positions(call) if position.size]
    return {**_account(call), "positions": [in_account(call, p) for p in open_ones]}


def coin_account(call: Call) -> Result:
    account = account_v2(call)
    assert isinstance(account, dict)
    # totals are in dollars, and COIN-M's assets have no common unit
    totals = {name for name in account if name.startswith("total")}
    for name in (*totals, "availableBalance", "maxWithdrawAmount", "feeBurn", "multiAssetsMargin"):
        del account[name]
    return account


def balance(call: Call) -> Result:
    rows = []
    for asset in _assets(call):
        row = {
            "accountAlias": "SgsRoCmYoCmYsR",
            "asset": asset.name,
            "balance": eight(asset.balance),
            "crossWalletBalance": eight(asset.balance),
            "crossUnPnl": eight(asset.profit),
            "availableBalance": eight(asset.available),
            "updateTime": asset.updated_at,
        }
        name = "withdrawAvailable" if call.kind == "inverse" else "maxWithdrawAmount"
        rows.append(row | {name: eight(asset.available)})
    return rows


def account_config(call: Call) -> Result:
    return {
        "feeTier": 0,
        **RIGHTS,
        "dualSidePosition": False,
        "updateTime": 0,
        "multiAssetsMargin": False,
        "tradeGroupId": -1,
    }


def position_mode(call: Call) -> Result:
    return {"dualSidePosition": False}


# -- internals ---------------------------------------------------------------------------------


def _assets(call: Call) -> list[Asset]:
    wallet = wallet_of(call)
    held = {b.asset: b for b in call.world.balances(call.now) if b.wallet == wallet}
    return [
        *(_asset(call, balance) for balance in held.values()),
        Asset(_UNTOUCHED, ZERO, ZERO, ZERO, ZERO, ZERO, 0),
    ]


def _asset(call: Call, held: Balance) -> Asset:
    behind = [
        position
        for position in call.world.open_positions(call.now)
        if (position.market.kind, position.market.settle) == (call.kind, held.asset)
    ]
    return Asset(
        name=held.asset,
        balance=held.total,
        profit=sum((profit(call, position) for position in behind), ZERO),
        maintenance=sum((maintenance(call, position) for position in behind), ZERO),
        positions=held.position_margin,
        orders=held.order_margin,
        updated_at=call.now,
    )


def _account(call: Call) -> dict[str, Any]:
    """Totals are in dollars; USDT and USDC count as one dollar."""
    assets = _assets(call)

    def total(name: str) -> str:
        return eight(sum((getattr(asset, name) for asset in assets), ZERO))

    return {
        "totalInitialMargin": total("initial"),
        "totalMaintMargin": total("maintenance"),
        "totalWalletBalance": total("balance"),
        "totalUnrealizedProfit": total("profit"),
        "totalMarginBalance": total("margin"),
        "totalPositionInitialMargin": total("positions"),
        "totalOpenOrderInitialMargin": total("orders"),
        "totalCrossWalletBalance": total("balance"),
        "totalCrossUnPnl": total("profit"),
        "availableBalance": total("available"),
        "maxWithdrawAmount": total("available"),
        "assets": [
            {
                "asset": asset.name,
                "walletBalance": eight(asset.balance),
                "unrealizedProfit": eight(asset.profit),
                "marginBalance": eight(asset.margin),
                "maintMargin": eight(asset.maintenance),
                "initialMargin": eight(asset.initial),
                "positionInitialMargin": eight(asset.positions),
                "openOrderInitialMargin": eight(asset.orders),
                "crossWalletBalance": eight(asset.balance),
                "crossUnPnl": eight(asset.profit),
                "availableBalance": eight(asset.available),
                "maxWithdrawAmount": eight(asset.available),
                "marginAvailable": True,
                "updateTime": asset.updated_at,
            }
            for asset in assets
        ],
    }
