"""Rows of fiat money, P2P and Binance Pay that say something else than the usual."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from alphapulse_pipeline.exchange.errors import Unreadable
from alphapulse_pipeline.exchange.feed import to_time
from alphapulse_pipeline.exchange.parsing import parsed
from alphapulse_pipeline_tests.exchange.fiat_samples import AT, SAMPLES
from alphapulse_pipeline_tests.exchange.test_binance_samples import (
    Reading,
    reading,
    source_of,
)

__all__ = ["reading"]
D = Decimal
PURCHASE = SAMPLES["conversions", "purchases"]
ENVELOPE = {"code": "000000", "message": "success", "success": True}


def unread(reading: Reading, dataset: str, stream: str, raw: dict[str, Any]) -> str:
    """Why a row cannot be read."""
    source = source_of(dataset, stream)
    [found] = parsed(reading, dataset, source, source.feed.read(ENVELOPE | {"data": [raw]})).unread
    return found.reason


@pytest.mark.parametrize(
    ("status", "stored", "changed"),
    [
        ("Processing", "pending", False),
        ("Successful", "ok", True),
        ("Finished", "ok", True),
        ("Failed", "failed", True),
        ("Expired", "failed", True),
        ("Refunding", "pending", False),
        ("Refunded", "canceled", True),
        ("A new status", "pending", False),
    ],
)
def test_a_fiat_order_counts_once_it_is_done(
    status: str, stored: str, changed: bool, reading: Reading
) -> None:
    for stream, wallet in (("fiat deposits", "to_wallet"), ("fiat withdrawals", "from_wallet")):
        source = source_of("transfers", stream)
        raw = SAMPLES["transfers", stream] | {"status": status, "updateTime": AT + 5}
        [row] = reading.rows("transfers", source, raw)
        assert (row["status"], row[wallet], row["kind"]) == (stored, "spot", source.kind)
        assert row["happened_at"] == to_time(AT)
        assert row["updated_at"] == (to_time(AT) + timedelta(milliseconds=5) if changed else None)


@pytest.mark.parametrize("status", ["Refund Failed", "Order Partial credit Stopped"])
def test_a_fiat_order_that_leaves_open_what_was_credited_is_not_read(
    status: str, reading: Reading
) -> None:
    raw = SAMPLES["transfers", "fiat deposits"] | {"status": status}
    assert status in unread(reading, "transfers", "fiat deposits", raw)


def test_the_fee_of_a_fiat_withdrawal_is_on_top_of_what_arrived(reading: Reading) -> None:
    raw = SAMPLES["transfers", "fiat withdrawals"]
    [row] = reading.rows("transfers", source_of("transfers", "fiat withdrawals"), raw)
    assert (row["amount"], row["fee_cost"], row["fee_currency"]) == (D("28.49"), D("1.50"), "GBP")
    assert row["amount"] + row["fee_cost"] == D(raw["indicatedAmount"])


@pytest.mark.parametrize("answer", [{"success": False}, {"data": None}, {"code": "1", "data": {}}])
@pytest.mark.parametrize("stream", ["fiat deposits", "p2p sales", "pay"])
def test_an_answer_that_does_not_say_that_it_succeeded_is_not_empty(
    stream: str, answer: dict[str, Any]
) -> None:
    with pytest.raises(Unreadable):
        source_of("transfers", stream).feed.read(ENVELOPE | {"data": []} | answer)
    assert source_of("transfers", stream).feed.read(ENVELOPE | {"data": [], "total": 0}) == []


def test_a_purchase_keeps_its_fee(reading: Reading) -> None:
    """The sample's amounts: 20 - 0.2 is 4.462 times the price."""
    [row] = reading.rows("conversions", source_of("conversions", "purchases"), PURCHASE)
    assert (row["from_asset"], row["from_amount"]) == ("EUR", D("19.8"))
    assert (row["to_asset"], row["to_amount"], row["kind"]) == ("LUNA", D("4.462"), "buy")
    assert (row["fee_cost"], row["fee_currency"]) == (D("0.2"), "EUR")
    assert abs(row["from_amount"] / D(PURCHASE["price"]) - row["to_amount"]) < D("0.001")


@pytest.mark.parametrize(
    ("method", "deposited"),
    [
        ("Cash Balance", False),
        ("Credit Card", True),
        ("Online Banking", True),
        ("Bank Transfer", True),
        ("A new method", True),
    ],
)
def test_only_money_from_outside_is_a_deposit(
    method: str, deposited: bool, reading: Reading
) -> None:
    raw = PURCHASE | {"paymentMethod": method}
    found = reading.rows("transfers", source_of("transfers", "purchases from outside"), raw)
    assert [(row["amount"], row["asset"], row["to_wallet"]) for row in found] == (
        [(D(20), "EUR", "spot")] if deposited else []
    )
    # the fee is the conversion's, and the money is there when it is spent
    assert [(row["fee_cost"], row["updated_at"]) for row in found] in ([], [(None, None)])


def test_a_purchase_that_failed_moves_nothing(reading: Reading) -> None:
    money = source_of("transfers", "purchases from outside")
    for status, stored in (("Failed", "failed"), ("Refunded", "canceled")):
        raw = PURCHASE | {"status": status}
        assert reading.rows("conversions", source_of("conversions", "purchases"), raw) == []
        [row] = reading.rows("transfers", money, raw)
        assert row["status"] == stored
    raw = PURCHASE | {"status": "Processing"}
    assert "Processing" in unread(reading, "conversions", "purchases", raw)
    [row] = reading.rows("transfers", money, raw)
    assert row["status"] == "pending"


# 0.5 ETH at 2000 euros
@pytest.mark.parametrize(
    ("source", "obtained", "fee", "gross"),
    [
        ("1000", "0.5", "0", "1000"),
        ("1000", "0.5", "20", "1000"),
        ("980", "0.5", "20", "1000"),
        ("0.5", "1000", "20", "1000"),
        ("0.5", "980", "20", "1000"),
    ],
)
def test_a_sale_is_read_as_its_price_says(
    source: str, obtained: str, fee: str, gross: str, reading: Reading
) -> None:
    raw = PURCHASE | {"cryptoCurrency": "ETH", "price": "2000", "totalFee": fee}
    raw |= {"sourceAmount": source, "obtainAmount": obtained}
    [row] = reading.rows("conversions", source_of("conversions", "sales"), raw)
    assert (row["from_asset"], row["from_amount"]) == ("ETH", D("0.5"))
    assert (row["to_asset"], row["to_amount"]) == ("EUR", D(gross))
    assert row["fee_cost"] == D(fee)


@pytest.mark.parametrize(
    ("source", "obtained", "price"), [("100", "99.9", "1"), ("1000", "0.7", "2000")]
)
def test_a_sale_whose_amounts_leave_open_what_was_sold_is_not_read(
    source: str, obtained: str, price: str, reading: Reading
) -> None:
    raw = PURCHASE | {"sourceAmount": source, "obtainAmount": obtained, "price": price}
    assert "do not say what was sold" in unread(reading, "conversions", "sales", raw)


@pytest.mark.parametrize(
    ("change", "bought", "fee"),
    [
        ({}, "5000", "0"),
        ({"advertisementRole": "MAKER", "commission": "5"}, "4995", "5"),
        ({"takerCommission": "2"}, "4998", "2"),
        ({"takerCommission": None, "commission": "3"}, "4997", "3"),
    ],
)
def test_a_fee_of_p2p_is_taken_off_what_is_bought_and_added_to_what_is_sold(
    change: dict[str, Any], bought: str, fee: str, reading: Reading
) -> None:
    raw = SAMPLES["transfers", "p2p sales"] | change
    [row] = reading.rows("transfers", source_of("transfers", "p2p purchases"), raw)
    assert (row["kind"], row["to_wallet"], row["amount"]) == ("deposit", "funding", D(bought))
    [row] = reading.rows("transfers", source_of("transfers", "p2p sales"), raw)
    assert (row["kind"], row["from_wallet"], row["amount"]) == ("withdrawal", "funding", D(5000))
    assert row["fee_cost"] == D(fee)
    assert row["fee_currency"] == ("BUSD" if D(fee) else None)


@pytest.mark.parametrize(
    ("status", "stored"),
    [
        ("PENDING", "pending"),
        ("BUYER_PAYED", "pending"),
        ("IN_APPEAL", "pending"),
        ("COMPLETED", "ok"),
        ("CANCELLED", "canceled"),
        ("CANCELLED_BY_SYSTEM", "canceled"),
        ("NEW_STATUS", "pending"),
    ],
)
def test_a_canceled_p2p_order_comes_back_when_it_left(
    status: str, stored: str, reading: Reading
) -> None:
    raw = SAMPLES["transfers", "p2p sales"] | {"orderStatus": status}
    [row] = reading.rows("transfers", source_of("transfers", "p2p sales"), raw)
    assert row["status"] == stored
    assert row["updated_at"] == (row["happened_at"] if stored == "canceled" else None)


PAYMENT = SAMPLES["transfers", "pay"] | {"amount": "-1.3", "currency": "USDT"}
FUNDS: list[dict[str, Any]] = [
    {"currency": "USDT", "amount": "1.2", "walletAssetCost": [{"1": "0.5"}, {"2": "0.7"}]},
    {"currency": "ETH", "amount": "0.0001", "walletAssetCost": {"3": "0.0001", "2": "0"}},
]


def test_what_is_received_arrives_in_the_main_wallet(reading: Reading) -> None:
    for kind, wallet in ((1, "funding"), (2, "spot"), (3, "spot"), (5, "earn"), (7, "")):
        raw = SAMPLES["transfers", "pay"] | {"walletType": kind}
        [row] = reading.rows("transfers", source_of("transfers", "pay"), raw)
        assert (row["kind"], row["to_wallet"], row["from_wallet"]) == ("deposit", wallet, None)
        assert (row["asset"], row["amount"], row["status"]) == ("BNB", D("23.72469206"), "ok")


def test_each_asset_and_wallet_that_paid_is_a_withdrawal(reading: Reading) -> None:
    raw = PAYMENT | {"fundsDetail": FUNDS, "walletTypes": [1, 2, 3]}
    rows = reading.rows("transfers", source_of("transfers", "pay"), raw)
    assert [(row["asset"], row["from_wallet"], row["amount"]) for row in rows] == [
        ("USDT", "funding", D("0.5")),
        ("USDT", "spot", D("0.7")),
        ("ETH", "spot", D("0.0001")),
    ]
    assert {row["kind"] for row in rows} == {"withdrawal"}
    assert len({row["transfer_id"] for row in rows}) == 3


@pytest.mark.parametrize("funds", [None, [], [{"currency": "USDT", "amount": "1.3"}]])
def test_without_details_the_main_wallet_paid_the_amount(funds: Any, reading: Reading) -> None:
    for kind, wallet in ((1, "funding"), (4, ""), (6, "")):
        raw = PAYMENT | {"fundsDetail": funds, "walletType": kind, "walletTypes": [kind]}
        [row] = reading.rows("transfers", source_of("transfers", "pay"), raw)
        assert (row["from_wallet"], row["asset"], row["amount"]) == (wallet, "USDT", D("1.3"))


@pytest.mark.parametrize(
    "change",
    [
        {"fundsDetail": [FUNDS[0] | {"amount": "1.1"}]},
        {"fundsDetail": [{"currency": "USDT", "amount": "1.3"}], "walletTypes": [1, 2]},
        {"fundsDetail": [{"currency": "USDT"}]},
        {"fundsDetail": "none"},
        {"amount": ""},
        {"amount": None},
    ],
)
def test_a_payment_that_does_not_add_up_is_not_read(
    change: dict[str, Any], reading: Reading
) -> None:
    source = source_of("transfers", "pay")
    [row] = source.feed.read(ENVELOPE | {"data": [PAYMENT | change]})
    with pytest.raises(Unreadable):
        source.feed.check(row)
