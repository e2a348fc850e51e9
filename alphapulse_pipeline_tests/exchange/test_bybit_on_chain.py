"""What Bybit's on-chain earn moved, by the history of the funding account."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest

from alphapulse_pipeline.datasets.values import Row
from alphapulse_pipeline.exchange.errors import Unreadable
from alphapulse_pipeline_tests.exchange.accounts import DAY, account

SUBSCRIBED = {
    **{"memberId": "290118", "currency": "TON", "ioDirection": "O", "txnAmt": "40.55"},
    **{"afterAmt": "1.5", "createTime": str(DAY // 1000), "showBusiType": "", "description": ""},
    **{"showBusiTypeEn": "Earn", "descriptionEn": "On-chain Earn subscription"},
}
"""As the sample of Funding Account Transaction History, with a different description."""
PRODUCT = {"category": "OnChain", "coin": "TON", "productId": "8", "swapCoin": ""}
LIQUID = PRODUCT | {"coin": "ETH", "swapCoin": "METH"}


def read(*entries: Any, products: Any = (PRODUCT, LIQUID)) -> list[Row]:
    def answers(path: str, asked: Mapping[str, Any]) -> Any:
        listed = products if path.endswith("/earn/product") else entries
        result = {"list": list(listed) if isinstance(listed, tuple) else listed}
        return {"retCode": 0, "retMsg": "", "result": result | {"nextPageCursor": ""}}

    with account("bybit", answers) as bybit:
        return bybit.rows("transfers", "on-chain earn")


@pytest.mark.parametrize(
    ("direction", "wallets"), [("O", ("funding", "earn")), ("I", ("earn", "funding"))]
)
def test_principal_moves_between_the_funding_account_and_earn(
    direction: str, wallets: tuple[str, str]
) -> None:
    [row] = read(SUBSCRIBED | {"ioDirection": direction})
    assert (row["from_wallet"], row["to_wallet"]) == wallets
    assert (row["asset"], row["amount"], row["status"]) == ("TON", Decimal("40.55"), "ok")
    assert row["transfer_id"] == f"{DAY // 1000} TON {direction} 40.55 1.5"


@pytest.mark.parametrize(
    "changed",
    [
        {"showBusiTypeEn": "Transfer out"},
        {"descriptionEn": "Easy Earn | Flexible Subscription"},
        {"descriptionEn": "On-Chain Earn Rewards Distribution (Bonus)", "ioDirection": "I"},
        {"showBusiTypeEn": "Deposit", "descriptionEn": "On-chain Deposit", "ioDirection": "I"},
    ],
)
def test_what_is_no_principal_of_on_chain_earn(changed: dict[str, str]) -> None:
    assert read(SUBSCRIBED | changed) == []


@pytest.mark.parametrize(("coin", "direction"), [("ETH", "O"), ("METH", "I")])
def test_liquid_staking_is_a_swap_within_the_account(coin: str, direction: str) -> None:
    swapped = SUBSCRIBED | {"currency": coin, "ioDirection": direction}
    assert [row["asset"] for row in read(swapped, SUBSCRIBED)] == ["TON"]


@pytest.mark.parametrize(
    "products",
    [{}, "", ({"coin": "TON"},), ({"coin": "TON", "swapCoin": None},), ("TON",)],
)
def test_products_that_cannot_be_read(products: Any) -> None:
    """Whether a coin was swapped is not known then."""
    with pytest.raises(Unreadable):
        read(SUBSCRIBED, products=products)


@pytest.mark.parametrize("direction", ["", "Out"])
def test_an_entry_without_a_known_direction_is_refused(direction: str) -> None:
    with pytest.raises(Unreadable):
        read(SUBSCRIBED | {"ioDirection": direction})
