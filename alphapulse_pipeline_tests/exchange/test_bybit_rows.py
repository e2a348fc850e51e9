"""Rows of Bybit, from answers of the form that its pages document, with their blanks, missing
fields and new values (bybit-exchange.github.io/docs/v5)."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

import pytest

from alphapulse_pipeline.exchange import new_values
from alphapulse_pipeline.exchange.errors import Unreadable
from alphapulse_pipeline.exchange.venues.bybit.account import delisted
from alphapulse_pipeline_tests.exchange.accounts import DAY, Account, account, market

BTC = market("BTC/USDT", "BTCUSDT")
BTC_PERPETUAL = market("BTC/USDT:USDT", "BTCUSDT")
BTC_USDC = market("BTC/USDC:USDC", "BTCPERP")
OWN, OTHER = "1448939", "592324"

FILL = {
    **{"symbol": "BTCUSDT", "orderType": "Market", "underlyingPrice": "", "orderLinkId": ""},
    **{"side": "Buy", "indexPrice": "", "orderId": "8c065341", "stopOrderType": "UNKNOWN"},
    **{"leavesQty": "0", "execTime": str(DAY), "feeCurrency": "", "isMaker": False},
    **{"execFee": "0.071409", "feeRate": "0.0006", "execId": "e0cbe81d", "tradeIv": ""},
    **{"blockTradeId": "", "markPrice": "1183.54", "execPrice": "1190.15", "markIv": ""},
    **{"orderQty": "0.1", "orderPrice": "1236.9", "execValue": "119.015", "execType": "Trade"},
    **{"execQty": "0.1", "closedSize": "", "extraFees": "", "seq": 4688002127},
}
"""Get Trade History."""
ORDER = {
    **{"orderId": "14bad3a1", "orderLinkId": "", "blockTradeId": "", "symbol": "BTCUSDT"},
    **{"price": "26864.40", "qty": "0.003", "side": "Buy", "isLeverage": "", "positionIdx": 1},
    **{"orderStatus": "Cancelled", "cancelType": "UNKNOWN", "rejectReason": "EC_NoError"},
    **{"avgPrice": "", "leavesQty": "0.000", "leavesValue": "0", "cumExecQty": "0.000"},
    **{"cumExecValue": "0", "cumExecFee": "0", "timeInForce": "PostOnly", "orderType": "Limit"},
    **{"stopOrderType": "UNKNOWN", "orderIv": "", "triggerPrice": "0.00", "takeProfit": "0.00"},
    **{"createdTime": str(DAY), "updatedTime": str(DAY + 3), "extraFees": "", "tpslMode": ""},
    **{"cumFeeDetail": {}, "rpiTakerAccess": False, "rpiMatchedQty": "0"},
}
"""Get Order History."""
DEPOSIT = {
    **{"coin": "USDT", "chain": "TRX", "amount": "999.0496", "txID": "04bf3f", "status": 3},
    **{"toAddress": "TDGY", "tag": "", "depositFee": "", "successAt": str(DAY)},
    **{"confirmations": "50", "txIndex": "0", "blockHash": "00", "batchReleaseLimit": "-1"},
    **{"depositType": "0", "fromAddress": "TJ7h", "taxDepositRecordsId": "0", "taxStatus": 0},
    "id": "160237231",
}
"""Get Deposit Records (on-chain)."""
WITHDRAWAL = {
    **{"coin": "USDC", "chain": "ETH", "amount": "41.43", "txID": "0x3d", "status": "success"},
    **{"toAddress": "0xE3", "tag": "", "withdrawFee": "5", "createTime": str(DAY)},
    **{"updateTime": str(DAY + 35), "withdrawId": "131629076", "withdrawType": 0, "fee": ""},
    **{"tax": "", "taxRate": "", "taxType": ""},
}
"""Get Withdrawal Records."""
INTERNAL_DEPOSIT = {
    **{"id": "1103", "amount": "0.1", "type": 1, "coin": "ETH", "address": "x***@gmail.com"},
    **{"status": 2, "createdTime": str(DAY // 1000), "fromMemberId": OTHER, "txID": "77c37e5c"},
    **{"complianceStatus": 0, "taxDepositRecordsId": "0", "taxStatus": 0},
}
"""Get Internal Deposit Records (off-chain)."""
BETWEEN_ACCOUNTS = {
    **{"transferId": "universalTransfer_1", "coin": "USDC", "amount": "1000"},
    **{"timestamp": str(DAY), "status": "SUCCESS", "fromAccountType": "UNIFIED"},
    **{"toAccountType": "FUND", "fromMemberId": OWN, "toMemberId": OTHER},
}
"""Get Universal Transfer Records."""
ENTRY = {
    **{"transSubType": "", "id": "592324_XRPUSDT_161", "symbol": "BTCUSDT", "side": "Buy"},
    **{"funding": "-0.003676", "orderLinkId": "", "orderId": "1672128000", "fee": "0.00000000"},
    **{"change": "-0.003676", "cashFlow": "0", "transactionTime": str(DAY)},
    **{"type": "SETTLEMENT", "feeRate": "0.0001", "bonusChange": "", "size": "100", "qty": "100"},
    **{"cashBalance": "5086.55825002", "currency": "USDT", "category": "linear"},
    **{"tradePrice": "0.3676", "tradeId": "534c0003", "extraFees": ""},
}
"""Get Transaction Log."""
COIN = {
    **{"availableToBorrow": "", "bonus": "0", "accruedInterest": "0.01", "equity": "-100"},
    **{"availableToWithdraw": "", "totalOrderIM": "", "totalPositionMM": "", "usdValue": "-100"},
    **{"spotHedgingQty": "0", "unrealisedPnl": "0", "collateralSwitch": True, "colRes": "0"},
    **{"borrowAmount": "100", "totalPositionIM": "", "walletBalance": "-100", "bonus": "0"},
    **{"cumRealisedPnl": "0", "locked": "0", "marginCollateral": True, "coin": "USDT"},
    "spotBorrow": "0",
}
"""Get Wallet Balance, of a portfolio margin account (blank margins)."""


def result(**more: Any) -> dict[str, Any]:
    found = {"nextPageCursor": "", "category": "linear", **more}
    return {"retCode": 0, "retMsg": "OK", "result": found, "retExtInfo": {}, "time": DAY}


def rows(
    path: str, sent: list[dict[str, Any]], dataset: str, stream: str, *markets: dict[str, Any]
) -> list[dict[str, Any]]:
    """What is stored of rows that one endpoint sends."""

    def answers(asked: str, params: Mapping[str, Any]) -> Any:
        if asked.endswith("/user/query-api"):
            return result(userID=int(OWN))
        return result(list=sent, rows=sent) if asked.endswith(path) else None

    with account("bybit", answers, *markets) as bybit:
        return bybit.rows(dataset, stream)


def fill(stream: str = "linear", *markets: dict[str, Any], **changed: Any) -> dict[str, Any]:
    path = "/pre-upgrade/execution/list" if "upgrade" in stream else "/v5/execution/list"
    [row] = rows(path, [FILL | changed], "trades", stream, *(markets or [BTC_PERPETUAL]))
    return row


def test_a_documented_fill() -> None:
    row = fill()
    assert (row["market"], row["price"], row["amount"]) == (
        "BTC/USDT:USDT",
        Decimal("1190.15"),
        Decimal("0.1"),
    )
    # a blank currency: the contract's settlement currency
    assert (row["fee_cost"], row["fee_currency"]) == (Decimal("0.071409"), "USDT")
    assert (row["kind"], row["taker_or_maker"]) == ("trade", "taker")


@pytest.mark.parametrize(
    ("changed", "side", "currency"),
    [
        ({}, "Buy", "BTC"),
        ({}, "Sell", "USDT"),
        ({"execFee": "-0.01", "isMaker": True}, "Buy", "USDT"),
        ({"execFee": "-0.01", "isMaker": True}, "Sell", "BTC"),
    ],
)
def test_a_spot_fill_before_the_upgrade_has_no_fee_currency(
    changed: dict[str, Any], side: str, currency: str
) -> None:
    """ "Spot Fee Currency Instruction" of "Enums Definitions"."""
    early = {k: v for k, v in FILL.items() if k not in ("feeCurrency", "extraFees", "seq")}
    path, stream = "/pre-upgrade/execution/list", "spot before the upgrade"
    [row] = rows(path, [early | changed | {"side": side}], "trades", stream, BTC)
    assert row["fee_currency"] == currency


@pytest.mark.parametrize(
    ("exec_type", "kind"),
    [
        ("BlockTrade", "trade"),
        ("BustTrade", "liquidation"),
        ("AdlTrade", "adl"),
        ("Delivery", "settlement"),
        ("Settle", "settlement"),
        ("CorporateAction", "adjustment"),
        ("Teleport", "trade"),
    ],
)
def test_kinds_of_fills(exec_type: str, kind: str) -> None:
    row = fill(execType=exec_type)
    assert row["kind"] == kind
    assert row["raw"]["execType"] == exec_type


def test_a_stock_split_has_no_price_and_takes_none_from_its_order() -> None:
    row = fill(execType="CorporateAction", execPrice="", execValue="0")
    assert (row["price"], row["cost"]) == (0, 0)


def test_a_fill_without_a_price_is_unreadable() -> None:
    with pytest.raises(Unreadable, match="the fill e0cbe81d has no price"):
        fill(execPrice="")


EXTRA = {"feeCoin": "USDT", "feeType": "GST", "subFeeType": "IND_GST", "feeRate": "0.0000675"}


@pytest.mark.parametrize(
    ("extra", "cost"),
    [
        ([EXTRA | {"fee": "0.006"}], "0.077409"),
        ([EXTRA | {"fee": "0.006"}, EXTRA | {"fee": "0.001", "feeType": "VAT"}], "0.078409"),
        ('[{"feeCoin":"USDT","feeType":"TELEPORT","fee":"0.006"}]', "0.077409"),
        ([EXTRA | {"fee": "0.006", "feeCoin": "IDR"}], "0.071409"),
        ([], "0.071409"),
    ],
)
def test_taxes_are_part_of_the_fee(extra: Any, cost: str) -> None:
    row = fill(extraFees=extra)
    assert row["fee_cost"] == Decimal(cost)
    assert row["raw"]["extraFees"] == extra


@pytest.mark.parametrize(
    ("status", "stored"),
    [
        ("Cancelled", "canceled"),
        ("PartiallyFilledCanceled", "canceled"),
        ("Filled", "closed"),
        ("Untriggered", "open"),
        ("Teleported", "Teleported"),
    ],
)
def test_a_documented_order(status: str, stored: str) -> None:
    sent = ORDER | {"orderStatus": status}
    [row] = rows("/v5/order/history", [sent], "orders", "linear", BTC_PERPETUAL)
    assert (row["status"], row["average"]) == (stored, None)


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({}, "ok"),
        ({"status": 10012}, "ok"),
        ({"status": 70012}, "ok"),
        ({"status": 7}, "pending"),
        ({"status": 10011}, "pending"),
        ({"status": 70011}, "failed"),
        ({"status": 3, "depositType": "50"}, "failed"),
        ({"status": 4}, "failed"),
        ({"status": 99}, "99"),
    ],
)
def test_statuses_of_deposits(changed: dict[str, Any], status: str) -> None:
    sent = DEPOSIT | changed
    [row] = rows("/deposit/query-record", [sent], "transfers", "deposits")
    assert (row["status"], row["to_wallet"]) == (status, "funding")


def test_a_pending_deposit_has_no_time_and_is_left_out() -> None:
    sent = [DEPOSIT | {"successAt": "", "status": 1}, DEPOSIT]
    assert len(rows("/deposit/query-record", sent, "transfers", "deposits")) == 1


@pytest.mark.parametrize("created", [str(DAY // 1000), str(DAY)])
def test_a_deposit_from_another_user_in_seconds_or_milliseconds(created: str) -> None:
    sent = INTERNAL_DEPOSIT | {"createdTime": created}
    stream = "deposits from other users"
    [row] = rows("/deposit/query-internal-record", [sent], "transfers", stream)
    assert (row["transfer_id"], row["status"]) == ("internal_1103", "ok")
    assert row["happened_at"].timestamp() == DAY // 1000


@pytest.mark.parametrize(
    ("status", "stored"),
    [
        ("success", "ok"),
        ("BlockchainConfirmed", "ok"),
        ("MoreInformationRequired", "pending"),
        ("Unknown", "pending"),
        ("CancelByUser", "canceled"),
        ("Reject", "rejected"),
        ("Fail", "failed"),
        ("Teleported", "Teleported"),
    ],
)
def test_statuses_of_withdrawals(status: str, stored: str) -> None:
    sent = WITHDRAWAL | {"status": status}
    [row] = rows("/withdraw/query-record", [sent], "transfers", "withdrawals")
    assert (row["status"], row["fee_cost"]) == (stored, Decimal(5))


@pytest.mark.parametrize(
    ("members", "stream", "wallets"),
    [
        ((OWN, OTHER), "sent to other accounts", ("unified", "")),
        ((OTHER, OWN), "received from other accounts", ("", "funding")),
        ((OWN, OWN), "sent to other accounts", ("unified", "funding")),
        ((OWN, OWN), "received from other accounts", ("unified", "funding")),
        ((OTHER, OWN), "sent to other accounts", None),
        ((OTHER, "533285"), "sent to other accounts", None),
        ((OTHER, "533285"), "received from other accounts", None),
    ],
)
def test_transfers_between_accounts(
    members: tuple[str, str], stream: str, wallets: tuple[str, str] | None
) -> None:
    sent = BETWEEN_ACCOUNTS | {"fromMemberId": members[0], "toMemberId": members[1]}
    found = rows("/query-universal-transfer-list", [sent], "transfers", stream)
    assert [(row["from_wallet"], row["to_wallet"]) for row in found] == (
        [wallets] if wallets else []
    )


@pytest.mark.parametrize(
    ("kind", "class_"), [("SETTLEMENT", "funding"), ("BORROW", "loan"), ("TELEPORT", "other")]
)
def test_a_documented_entry_of_the_log(kind: str, class_: str) -> None:
    sent = ENTRY | {"type": kind}
    [row] = rows("/account/transaction-log", [sent], "ledger", "unified", BTC_PERPETUAL)
    assert (row["kind"], row["class"]) == (kind, class_)
    assert (row["amount"], row["balance_after"]) == (Decimal("-0.003676"), Decimal("5086.55825002"))


def test_a_settlement_of_funding_and_a_session_is_two_entries() -> None:
    """Whatever `tradeId` names: the funding is explained by its payment, the profit counts."""
    sent = ENTRY | {"cashFlow": "45.76", "change": "45.756324", "cashBalance": "5132.31822602"}
    found = rows("/account/transaction-log", [sent], "ledger", "unified", BTC_PERPETUAL)
    names = ("kind", "class", "amount", "balance_after")
    assert [tuple(row[name] for name in names) for row in found] == [
        ("SETTLEMENT", "funding", Decimal("-0.003676"), Decimal("5086.55822602")),
        ("SETTLEMENT cashFlow", "other", Decimal("45.76"), Decimal("5132.31822602")),
    ]


@pytest.mark.parametrize(
    ("field", "row"),
    [
        ("type of execution, 'Gift'; it is stored as 'trade'", lambda: fill(execType="Gift")),
        (
            "transfer status, 'Lost'; it is stored as 'Lost'",
            lambda: rows(
                "/query-universal-transfer-list",
                [BETWEEN_ACCOUNTS | {"status": "Lost"}],
                "transfers",
                "sent to other accounts",
            ),
        ),
        (
            "account type, 'EARN'; it is stored as 'earn'",
            lambda: rows(
                "/query-universal-transfer-list",
                [BETWEEN_ACCOUNTS | {"fromAccountType": "EARN"}],
                "transfers",
                "sent to other accounts",
            ),
        ),
    ],
)
def test_a_new_value_is_kept_and_reported(
    field: str, row: Callable[[], object], caplog: pytest.LogCaptureFixture
) -> None:
    new_values.report.cache_clear()
    assert row()
    assert [field in record.getMessage() for record in caplog.records] == [True]


def balances(*coins: dict[str, Any]) -> dict[str, dict[str, Any]]:
    def answers(path: str, asked: Mapping[str, Any]) -> Any:
        if path.endswith("/wallet-balance"):
            return result(list=[{"accountType": "UNIFIED", "coin": list(coins)}])
        if path.endswith("/earn/position"):
            return result(list=[])
        return result(memberId=OWN, accountType="FUND", balance=[])

    with account("bybit", answers, BTC) as bybit:
        return {row["asset"]: row for row in bybit.snapshot("balances")}


def test_a_negative_balance_is_owed_once() -> None:
    """`borrowAmount` repeats the liability that is in the balance already."""
    [usdt] = balances(COIN).values()
    assert (usdt["total"], usdt["debt"]) == (Decimal(-100), 0)


def test_a_spot_loan_is_owed_beyond_the_balance() -> None:
    loan = COIN | {"walletBalance": "150", "spotBorrow": "100", "locked": "20"}
    [usdt] = balances(loan).values()
    assert (usdt["total"], usdt["used"], usdt["debt"]) == (Decimal(150), Decimal(20), Decimal(100))


def test_a_wallet_without_coins_is_empty() -> None:
    assert balances() == {}


@pytest.mark.parametrize(
    ("raw_id", "category", "name"),
    [
        ("LUNAUSDT", "spot", "LUNA/USDT"),
        ("BTCGBP", "spot", "BTC/GBP"),
        ("BBSOLMNT", "spot", "BBSOL/MNT"),
        ("BTCUSD1", "spot", "BTC/USD1"),
        ("USDTKZT", "spot", "USDT/KZT"),
        ("BTCAED", "spot", "BTC/AED"),
        ("BTCPERP", "linear", "BTC/USDC:USDC"),
        ("BTC-24MAR23", "linear", "BTC/USDC:USDC-230324"),
        ("BTCUSDT-21FEB25", "linear", "BTC/USDT:USDT-250221"),
        ("BTCUSD", "inverse", "BTC/USD:BTC"),
        ("BTCUSDH23", "inverse", "BTC/USD:BTC-230331"),
        ("ETHUSDM24", "inverse", "ETH/USD:ETH-240628"),
        ("BTCUSDZ25", "inverse", "BTC/USD:BTC-251226"),
        ("???", "spot", "???"),
    ],
)
def test_names_of_delisted_markets(raw_id: str, category: str, name: str) -> None:
    assert delisted(raw_id, category) == name


@pytest.mark.parametrize(
    ("raw_id", "name"),
    [
        ("BTC-13FEB25-89000-P-USDT", "BTC/USDT:USDT-250213-89000-P"),
        ("ETH-28FEB25-2800-C", "ETH/USDC:USDC-250228-2800-C"),
    ],
)
def test_names_of_expired_options(raw_id: str, name: str) -> None:
    assert fill("option", BTC, symbol=raw_id)["market"] == name


def test_other_coins_options_are_requested_by_name() -> None:
    """ "Get Trade History": `baseCoin` is BTC by default for options."""

    def answers(path: str, asked: Mapping[str, Any]) -> Any:
        return result(list=[])

    with account("bybit", answers, BTC) as bybit:
        _read_options(bybit)
    coins = [params.get("baseCoin") for _, params in bybit.asked if params["category"] == "option"]
    assert set(coins) >= {None, "ETH", "SOL"}


def _read_options(bybit: Account) -> None:
    for stream in bybit.venue.histories["trades"]:
        if stream.startswith("option"):
            bybit.rows("trades", stream)
