"""Conversions of Bybit, from the samples of their pages (bybit-exchange.github.io/docs/v5)."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest

from alphapulse_pipeline.datasets.values import Row
from alphapulse_pipeline.exchange.errors import Incomplete, Unreadable
from alphapulse_pipeline_tests.exchange.accounts import DAY, account

D = Decimal
CONVERSION = {
    **{"accountType": "eb_convert_funding", "exchangeTxId": "10100108106409343501030232064"},
    **{"userId": "XXXXX", "fromCoin": "ETH", "fromCoinType": "crypto", "fromAmount": "0.1"},
    **{"toCoin": "BTC", "toCoinType": "crypto", "toAmount": "0.00534882723991"},
    **{"exchangeStatus": "success", "convertRate": "0.0534882723991", "createdAt": str(DAY)},
    "extInfo": {"paramType": "opFrom", "paramValue": "broker-id-001"},
}
"""Get Convert History."""
_NO_TAX = {"totalAmount": "0", "feeCoin": "", "taxFeeItems": []}
SOL = {
    **{"fromCoin": "SOL", "fromAmount": "0.000003", "toCoin": "USDC"},
    **{"toAmount": "0.000363439538230885", "feeCoin": "USDC", "status": "success"},
    **{"feeAmount": "0.000007417133433283", "taxFeeInfo": _NO_TAX},
}
XRP = {
    **{"fromCoin": "XRP", "fromAmount": "0.0002", "toCoin": "USDC"},
    **{"toAmount": "0.000364886255272336", "feeCoin": "USDC", "status": "success"},
    **{"feeAmount": "0.000007446658270864", "taxFeeInfo": _NO_TAX},
}
SWAP = {
    **{"accountType": "eb_convert_uta", "exchangeTxId": "1010075157602517596339322880"},
    **{"toCoin": "USDC", "toAmount": "0.000728325793503221", "status": "success"},
    **{"createdAt": str(DAY), "exchangeSource": "small_asset_uta", "feeCoin": "USDC"},
    **{"totalFeeAmount": "0.000014863791704147", "totalTaxFeeInfo": _NO_TAX},
    "subRecords": [SOL, XRP],
}
"""Get Exchange History."""


def read(stream: str, **result: Any) -> list[Row]:
    def answers(asked: str, params: Mapping[str, Any]) -> Any:
        return {"retCode": 0, "retMsg": "ok", "result": result, "retExtInfo": {}, "time": DAY}

    with account("bybit", answers) as bybit:
        return bybit.rows("conversions", stream)


def converted(**changed: Any) -> list[Row]:
    return read("convert", list=[CONVERSION | changed])


def swapped(*swaps: Any, count: str = "") -> list[Row]:
    return read("dust", totalCount=count or str(len(swaps)), records=list(swaps))


@pytest.mark.parametrize(
    ("kind", "wallet"),
    [
        ("eb_convert_uta", "unified"),
        ("eb_convert_funding", "funding"),
        ("funding", "funding"),
        ("funding_fiat", "funding"),
        ("funding_fbtc_convert", "funding"),
        ("funding_block_trade", "funding"),
    ],
)
def test_a_conversion(kind: str, wallet: str) -> None:
    [row] = converted(accountType=kind)
    assert (row["kind"], row["conversion_id"]) == ("convert", CONVERSION["exchangeTxId"])
    assert (row["wallet"], row["fee_cost"]) == (wallet, None)
    assert (row["from_asset"], row["from_amount"]) == ("ETH", D("0.1"))
    assert (row["to_asset"], row["to_amount"]) == ("BTC", D("0.00534882723991"))


@pytest.mark.parametrize("status", ["failure", "init", "processing"])
def test_a_conversion_that_did_not_happen_or_not_yet(status: str) -> None:
    assert converted(exchangeStatus=status) == []
    assert swapped(SWAP | {"subRecords": [SOL | {"status": status}]}) == []


@pytest.mark.parametrize(
    "changed", [{"exchangeStatus": "partial_fulfillment"}, {"accountType": "spot"}]
)
def test_a_conversion_of_unknown_meaning_is_unreadable(changed: dict[str, str]) -> None:
    with pytest.raises(Unreadable, match="a conversion of Bybit has the status"):
        converted(**changed)


def test_each_small_balance_is_a_conversion_with_its_fee() -> None:
    """The fees are two percent of what the balances were worth."""
    sol, xrp = swapped(SWAP)
    assert (sol["kind"], sol["wallet"]) == ("dust", "unified")
    assert sol["conversion_id"] == f"{SWAP['exchangeTxId']}_SOL"
    assert xrp["conversion_id"] == f"{SWAP['exchangeTxId']}_XRP"
    assert (sol["from_amount"], sol["fee_currency"]) == (D("0.000003"), "USDC")
    received = [row["to_amount"] - row["fee_cost"] for row in (sol, xrp)]
    assert sum(received) == D(str(SWAP["toAmount"]))
    for row in (sol, xrp):
        assert abs(row["fee_cost"] / row["to_amount"] - D("0.02")) < D("1e-12")


@pytest.mark.parametrize(
    "changed",
    [
        {"status": "partial_fulfillment"},
        {"feeCoin": "MNT"},
        {"feeAmount": None},
        {"toAmount": ""},
    ],
)
def test_a_small_balance_that_leaves_open_what_was_exchanged_is_unreadable(
    changed: dict[str, Any],
) -> None:
    with pytest.raises(Unreadable):
        swapped(SWAP | {"subRecords": [SOL | changed, XRP]})


@pytest.mark.parametrize("parts", [None, [], "none", [None], [7]])
def test_a_swap_without_its_parts_is_unreadable(parts: Any) -> None:
    with pytest.raises(Unreadable):
        swapped(SWAP | {"subRecords": parts})


def test_no_small_balances() -> None:
    assert swapped() == []
    assert read("dust", totalCount="0", records=None) == []
    for result in ({"totalCount": "1", "records": None}, {"records": None}, {}):
        with pytest.raises(Unreadable):
            read("dust", **result)
    with pytest.raises(Incomplete):
        swapped(count="1")
