"""Hyperliquid, from answers of the form that its documentation shows.

hyperliquid.gitbook.io/hyperliquid-docs/for-developers/api/info-endpoint (undated).
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from alphapulse_pipeline_tests.exchange.accounts import DAY, account, market

OWN, OTHER = "0x" + "2" * 40, "0x" + "3" * 40
LISTED = [market("BTC/USDC:USDC", "BTC"), market("PURR/USDC", "PURR/USDC")]


def update(number: int, kind: str, **delta: Any) -> dict[str, Any]:
    return {"time": DAY + number, "hash": f"0x{number:064x}", "delta": {"type": kind, **delta}}


UPDATES = [
    update(1, "deposit", usdc="500.25"),
    update(2, "withdraw", usdc="50.0", nonce=1, fee="0.5"),
    update(3, "accountClassTransfer", usdc="20.0", toPerp=False),
    update(4, "internalTransfer", usdc="7.5", user=OTHER, destination=OWN, fee="1.0"),
    update(5, "internalTransfer", usdc="7.5", user=OWN, destination=OTHER, fee="1.0"),
    update(
        6,
        "spotTransfer",
        token="PURR",
        amount="12.5",
        usdcValue="3.1",
        user=OWN,
        destination=OTHER,
        fee="0.25",
        nativeTokenFee="0.0",
        nonce=None,
        feeToken="USDC",
    ),
    update(7, "rewardsClaim", amount="1.75"),
    update(8, "vaultDeposit", vault=OTHER, usdc="100.0"),
]


def test_ledger_updates_have_an_asset_a_direction_and_exact_fees() -> None:
    with hyperliquid(userNonFundingLedgerUpdates=UPDATES) as read:
        rows = read.rows("ledger")
    assert [(r["kind"], r["asset"], str(r["amount"]), r["wallet"], r["class"]) for r in rows] == [
        ("deposit", "USDC", "500.25", "swap", "transfer"),
        ("withdraw", "USDC", "-50.5", "swap", "transfer"),
        ("accountClassTransfer", "USDC", "-20.0", "swap", "transfer"),
        ("internalTransfer", "USDC", "7.5", "swap", "other"),
        ("internalTransfer", "USDC", "-8.5", "swap", "other"),
        ("spotTransfer", "PURR", "-12.5", "spot", "other"),
        ("rewardsClaim", "USDC", "1.75", "spot", "reward"),
        ("vaultDeposit", "USDC", "-100.0", "swap", "other"),
    ]


def test_transfers_say_which_wallet_they_left_and_entered() -> None:
    with hyperliquid(userNonFundingLedgerUpdates=UPDATES) as read:
        rows = read.rows("transfers")
    assert [
        (r["kind"], r["asset"], r["amount"], r["fee_cost"], r["from_wallet"], r["to_wallet"])
        for r in rows
    ] == [
        ("deposit", "USDC", Decimal("500.25"), None, None, "swap"),
        ("withdrawal", "USDC", Decimal(50), Decimal("0.5"), "swap", None),
        ("transfer", "USDC", Decimal(20), None, "swap", "spot"),
    ]
    assert {row["status"] for row in rows} == {"ok"}


def test_the_balance_of_perpetuals_excludes_unrealized_profit() -> None:
    position = {"coin": "BTC", "szi": "0.01", "unrealizedPnl": "300.0"}
    state = {
        "assetPositions": [{"type": "oneWay", "position": position}],
        "marginSummary": {"accountValue": "1300.0", "totalMarginUsed": "140.0"},
        "withdrawable": "1160.0",
        "time": DAY,
    }
    spot = {"balances": [{"coin": "PURR", "hold": "1.0", "total": "5.5"}]}
    with hyperliquid(clearinghouseState=state, spotClearinghouseState=spot) as read:
        rows = read.snapshot("balances")
    assert [(r["wallet"], r["asset"], r["total"], r["used"]) for r in rows] == [
        ("spot", "PURR", Decimal("5.5"), Decimal(1)),
        ("swap", "USDC", Decimal(1000), Decimal(140)),
    ]


def test_a_unified_account_has_one_balance_for_spot_and_perpetuals() -> None:
    state = {"balances": [{"coin": "USDC", "hold": "140.0", "total": "1000.0"}]}
    with hyperliquid(userAbstraction="unifiedAccount", spotClearinghouseState=state) as read:
        rows = read.snapshot("balances")
    assert [(r["wallet"], r["asset"], r["total"]) for r in rows] == [("spot", "USDC", 1000)]


def test_fills_are_in_the_wallet_of_their_market() -> None:
    fills = [
        {
            "coin": coin,
            "px": "60000.5",
            "sz": "0.01",
            "side": "B",
            "time": DAY,
            "dir": "Open Long",
            "closedPnl": "0.0",
            "hash": "0x" + "0" * 64,
            "oid": 90,
            "tid": number,
            "crossed": True,
            "fee": "0.3",
            "feeToken": "USDC",
        }
        for number, coin in enumerate(("BTC", "PURR/USDC"), 1)
    ]
    with hyperliquid(userFillsByTime=fills) as read:
        rows = read.rows("trades")
    assert [(r["market"], r["wallet"], r["trade_id"]) for r in rows] == [
        ("BTC/USDC:USDC", "swap", "1-90"),
        ("PURR/USDC", "spot", "2-90"),
    ]


def hyperliquid(**states: Any) -> Any:
    """An account; `states`: the answers by the type of the request."""

    def answers(path: str, asked: Mapping[str, Any]) -> Any:
        return states.get(asked["type"], "default" if asked["type"] == "userAbstraction" else None)

    return account("hyperliquid", answers, *LISTED)
