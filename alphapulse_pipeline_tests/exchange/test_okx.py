"""OKX, from answers of the form that its pages show: with what may be blank, missing or new.

www.okx.com/docs-v5, as dated in the sources.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest

from alphapulse_pipeline.exchange.errors import ExchangeFailure, Unreadable
from alphapulse_pipeline.exchange.feed import to_time
from alphapulse_pipeline.exchange.venues import VENUES
from alphapulse_pipeline_tests.exchange.accounts import DAY, Account, account, market

BTC = market("BTC/USDT", "BTC-USDT")
ETH = market("ETH/BTC", "ETH-BTC")
PERPETUAL = market("BTC/USDT:USDT", "BTC-USDT-SWAP", contractSize="0.01")
EXPIRED = "BTC-USDT-251226"

FILL = {
    **{"side": "buy", "fillSz": "0.00192834", "fillPx": "51858", "fillPxVol": "", "fillFwdPx": ""},
    **{"fee": "-0.00000192834", "fillPnl": "0", "ordId": "680800019749904384", "feeRate": "-0.001"},
    **{"instType": "SPOT", "fillPxUsd": "", "instId": "BTC-USDT", "clOrdId": "", "posSide": "net"},
    **{"billId": "680800019754098688", "subType": "1", "fillMarkVol": "", "tag": ""},
    **{"fillTime": str(DAY), "execType": "T", "fillIdxPx": "", "tradeId": "744876980"},
    **{"fillMarkPx": "", "feeCcy": "BTC", "ts": str(DAY + 1), "tradeQuoteCcy": "USDT"},
}
"""Transaction details (last 3 months), 2026-07-17."""
ORDER = {
    **{"accFillSz": "0", "algoClOrdId": "", "algoId": "", "attachAlgoClOrdId": ""},
    **{"attachAlgoOrds": [], "avgPx": "", "cTime": str(DAY), "cancelSource": "1"},
    **{"cancelSourceReason": "Order canceled by user", "category": "normal", "ccy": ""},
    **{"clOrdId": "", "fee": "0", "feeCcy": "BTC", "fillPx": "", "fillSz": "0", "fillTime": ""},
    **{"instId": "BTC-USDT", "instType": "SPOT", "lever": "", "ordId": "680800019749904384"},
    **{"ordType": "post_only", "pnl": "0", "posSide": "", "px": "51858", "pxType": ""},
    **{"pxUsd": "", "pxVol": "", "quickMgnType": "", "rebate": "0", "rebateCcy": "USDT"},
    **{"reduceOnly": "false", "side": "buy", "slOrdPx": "", "slTriggerPx": "", "source": ""},
    **{"state": "canceled", "stpId": "", "stpMode": "", "sz": "0.1", "tag": "", "tdMode": "cash"},
    **{"tgtCcy": "", "tpOrdPx": "", "tradeId": "", "tradeQuoteCcy": "USDT"},
    **{"uTime": str(DAY + 1), "isTpLimit": "false", "linkedAlgoOrd": {"algoId": ""}},
}
"""Order history (last 7 days), of an order without a fill."""
BILL = {
    **{"bal": "8694.2179403378290202", "balChg": "0.0219338232210000", "billId": "6239508545335"},
    **{"ccy": "USDT", "clOrdId": "", "earnAmt": "", "earnApr": "", "execType": "T"},
    **{"fee": "-0.000021955779", "fillFwdPx": "", "fillIdxPx": "27104.1", "fillMarkPx": ""},
    **{"fillMarkVol": "", "fillPxUsd": "", "fillPxVol": "", "fillTime": str(DAY), "from": ""},
    **{"instId": "BTC-USDT", "instType": "SPOT", "interest": "0", "mgnMode": "isolated"},
    **{"notes": "", "ordId": "623950854525124608", "pnl": "0", "posBal": "0", "posBalChg": "0"},
    **{"px": "27105.9", "subType": "1", "sz": "0.021955779", "tag": "", "to": ""},
    **{"tradeId": "586760148", "ts": str(DAY + 1), "type": "2"},
}
"""Get bills details (last 3 months), 2026-07-04."""
ASSET_BILL = {
    **{"billId": "12344", "ccy": "BTC", "clientId": "", "balChg": "2", "bal": "12"},
    **{"type": "1", "ts": str(DAY), "notes": ""},
}
"""Asset bills history, 2026-06-30."""
DEPOSIT = {
    **{"actualDepBlkConfirm": "2", "amt": "1", "areaCodeFrom": "", "ccy": "USDT"},
    **{"chain": "USDT-TRC20", "depId": "8833", "from": "", "fromWdId": "", "state": "2"},
    **{"to": "TN4hGjVXMzy", "ts": str(DAY), "txId": "fee235b3e812"},
}
"""Get deposit history, 2026-06-29."""
WITHDRAWAL = {
    **{"note": "", "chain": "ETH-Ethereum", "fee": "0.007", "feeCcy": "ETH", "ccy": "ETH"},
    **{"clientId": "", "toAddrType": "1", "amt": "0.029809", "txId": "0x35c", "from": "156"},
    **{"areaCodeFrom": "86", "to": "0xa30d1fab", "areaCodeTo": "", "state": "2"},
    **{"ts": str(DAY), "nonTradableAsset": False, "wdId": "15447421"},
}
"""Get withdrawal history, 2026-07-23."""
COIN = {
    **{"autoLendStatus": "off", "autoLendMtAmt": "0", "availBal": "4834.317093622894"},
    **{"availEq": "4834.3170936228935", "borrowFroz": "0", "cashBal": "4850.435693622894"},
    **{"ccy": "USDT", "crossLiab": "0", "colRes": "0", "collateralEnabled": False},
    **{"colBorrAutoConversion": "0", "disEq": "4991.542013297616", "eq": "4992.890093622894"},
    **{"eqUsd": "4991.542013297616", "smtSyncEq": "0", "spotCopyTradingEq": "0"},
    **{"fixedBal": "0", "frozenBal": "158.573", "frpType": "0", "imr": "", "interest": "0"},
    **{"isoEq": "0", "isoLiab": "0", "isoUpl": "0", "liab": "0", "maxLoan": "0"},
    **{"mgnRatio": "", "mmr": "", "notionalLever": "", "ordFrozen": "0", "rewardBal": "0"},
    **{"spotInUseAmt": "", "clSpotInUseAmt": "", "maxSpotInUse": "", "spotIsoBal": "0"},
    **{"stgyEq": "150", "twap": "0", "uTime": str(DAY), "upl": "-7.545600000000006"},
    **{"uplLiab": "0", "spotBal": "", "openAvgPx": "", "accAvgPx": "", "spotUpl": ""},
    **{"spotUplRatio": "", "totalPnl": "", "totalPnlRatio": ""},
}
"""Get balance, 2026-07-04, of an account with multi-currency margin."""
MARGIN = {
    **{"adl": "1", "availPos": "0.0019", "avgPx": "62961.4", "bePx": "", "cTime": str(DAY)},
    **{"ccy": "BTC", "closeOrderAlgo": [], "fee": "", "fundingFee": "", "idxPx": "62890.5"},
    **{"imr": "", "instId": "BTC-USDT", "instType": "MARGIN", "interest": "0", "last": "62892"},
    **{"lever": "5", "liab": "-99.99", "liabCcy": "USDT", "liqPenalty": "", "liqPx": "53615.4"},
    **{"margin": "0.000317654", "markPx": "60000", "mgnMode": "isolated", "mgnRatio": "9.4"},
    **{"mmr": "0.0000318", "notionalUsd": "119.75", "optVal": "", "pnl": "", "pos": "0.0019"},
    **{"posCcy": "BTC", "posId": "1752810569801498626", "posSide": "net", "realizedPnl": ""},
    **{"tradeId": "785524470", "uTime": str(DAY + 1), "upl": "-0.000003", "uplRatio": "-0.01"},
    **{"usdPx": "", "nonSettleAvgPx": "", "settledPnl": ""},
}
"""Get positions, 2026-07-13."""


def read(
    path: str, sent: list[dict[str, Any]], dataset: str, stream: str = "", *more: dict[str, Any]
) -> list[dict[str, Any]]:
    """What is stored of the rows that one endpoint sends; all others send none."""

    def answers(asked: str, params: Mapping[str, Any]) -> Any:
        # of the lists that are paged by id, the second page
        rest = "after" in params and "before" not in params
        mine = asked.endswith(path) and not rest
        return {"code": "0", "msg": "", "data": sent if mine else []}

    with account("okx", answers, BTC, PERPETUAL, *more) as okx:
        return okx.rows(dataset, stream)


def fill(stream: str = "spot", **changed: Any) -> dict[str, Any]:
    [row] = read("/trade/fills-history", [FILL | changed], "trades", stream)
    return row


# -- fills ---------------------------------------------------------------------------------------


def test_a_fill() -> None:
    row = fill()
    assert {name: row[name] for name in ("market", "trade_id", "order_id", "side", "kind")} == {
        "market": "BTC/USDT",
        "trade_id": "680800019754098688",
        "order_id": "680800019749904384",
        "side": "buy",
        "kind": "trade",
    }
    assert (row["price"], row["amount"]) == (Decimal(51858), Decimal("0.00192834"))
    assert (row["fee_cost"], row["fee_currency"]) == (Decimal("0.00000192834"), "BTC")
    assert (row["taker_or_maker"], row["realized_pnl"]) == ("taker", None)


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"something": "new"}, {"kind": "trade"}),
        ({"tag": None, "clOrdId": None}, {"kind": "trade"}),
        ({"subType": "999"}, {"kind": "trade"}),
        # block trades have no order, orders of the exchange no role
        ({"ordId": "", "subType": "204"}, {"order_id": None, "kind": "trade"}),
        ({"execType": "", "subType": "104"}, {"taker_or_maker": None, "kind": "liquidation"}),
        ({"execType": "", "subType": "127"}, {"taker_or_maker": None, "kind": "adl"}),
        # a rebate
        ({"fee": "0.5", "feeCcy": "USDT"}, {"fee_cost": Decimal("-0.5"), "fee_currency": "USDT"}),
    ],
)
def test_blank_null_and_new_values_of_a_fill(
    changed: dict[str, Any], expected: dict[str, Any]
) -> None:
    row = fill(**changed)
    assert {name: row[name] or None for name in expected} == expected


@pytest.mark.parametrize(
    ("name", "words"),
    [("billId", "more rows"), ("fillSz", "fillSz"), ("fee", "fee"), ("ts", "no ts")],
)
def test_a_fill_without_a_stored_field_is_unreadable(name: str, words: str) -> None:
    with pytest.raises(Unreadable, match=words):
        read("/trade/fills-history", [FILL | {name: None}], "trades", "spot")


def test_a_fill_of_a_contract_costs_its_size() -> None:
    row = fill("swap", instId="BTC-USDT-SWAP", fillSz="3", fillPx="60000", fillPnl="-7.5")
    assert (row["amount"], row["cost"]) == (Decimal(3), Decimal(1800))
    assert row["realized_pnl"] == Decimal("-7.5")


def expired(raw_id: str, stream: str, *sizes: tuple[str, Decimal]) -> dict[str, Any]:
    """A fill of a contract that is no longer listed, with the sizes learned while it was."""
    sent = [FILL | {"instId": raw_id, "fillSz": "3", "fillPx": "60000", "feeCcy": "USDT"}]

    def answers(asked: str, params: Mapping[str, Any]) -> Any:
        return {"code": "0", "msg": "", "data": [] if "after" in params else sent}

    with account("okx", answers, BTC) as okx:
        okx.markets.remember_sizes(sizes)
        [row] = okx.rows("trades", stream)
        return row


@pytest.mark.parametrize(
    ("raw_id", "stream", "name"),
    [
        (EXPIRED, "futures", "BTC/USDT:USDT-251226"),
        ("BTC-USD-251226-60000-C", "option", "BTC/USD:BTC-251226-60000-C"),
    ],
)
def test_an_expired_contract_has_the_size_that_was_known(
    raw_id: str, stream: str, name: str
) -> None:
    """The list of instruments has listed ones only, and the history of deliveries no sizes: without
    one, the cost is unknown, never that of a size of 1."""
    unknown = expired(raw_id, stream)
    assert (unknown["market"], unknown["amount"], unknown["cost"]) == (name, Decimal(3), None)
    known = expired(raw_id, stream, (raw_id, Decimal("0.01")))
    assert (known["market"], known["amount"]) == (name, Decimal(3))
    assert known["cost"] == Decimal(1800)


# -- orders --------------------------------------------------------------------------------------


def test_an_order_without_a_fill() -> None:
    [row] = read("/trade/orders-history", [ORDER], "orders", "spot unfilled")
    assert (row["status"], row["filled"], row["average"]) == ("canceled", Decimal(0), None)
    assert (row["price"], row["amount"], row["side"]) == (Decimal(51858), Decimal("0.1"), "buy")


@pytest.mark.parametrize(
    "changed",
    [{"something": "new"}, {"category": "new"}, {"cancelSource": "999"}, {"source": None}],
)
def test_other_fields_change_nothing(changed: dict[str, Any]) -> None:
    [plain] = read("/trade/orders-history-archive", [ORDER], "orders", "spot")
    [row] = read("/trade/orders-history-archive", [ORDER | changed], "orders", "spot")
    assert row | {"raw": {}} == plain | {"raw": {}}


def test_options_canceled_by_market_maker_protection() -> None:
    asked: list[Mapping[str, Any]] = []

    def answers(path: str, params: Mapping[str, Any]) -> Any:
        asked.append(params)
        sent = [ORDER | {"instId": "BTC-USD-251226-60000-C", "state": "mmp_canceled"}]
        return {"code": "0", "msg": "", "data": [] if "after" in params else sent}

    with account("okx", answers, BTC) as okx:
        [row] = okx.rows("orders", "option unfilled")
    assert row["status"] == "canceled"
    assert all("state" not in params for params in asked)


# -- bills and transfers -------------------------------------------------------------------------


def bill(**changed: Any) -> dict[str, Any]:
    [row] = read("/account/bills-archive", [BILL | changed], "ledger", "trading")
    return row


def test_a_bill() -> None:
    row = bill()
    assert (row["kind"], row["class"], row["reference_id"]) == ("2", "trade", "623950854525124608")
    assert (row["asset"], row["amount"]) == ("USDT", Decimal("0.0219338232210000"))
    assert row["balance_after"] == Decimal("8694.2179403378290202")


def test_a_margin_transfer_moves_nothing() -> None:
    """What the balance loses, the isolated position gains, and both are what the account has."""
    row = bill(type="6", subType="160", balChg="-5", posBalChg="5", posBal="5", ordId="")
    assert (row["amount"], row["class"]) == (Decimal(0), "other")
    assert bill(type="2", balChg="-5.01", posBalChg="5")["amount"] == Decimal("-0.01")
    assert bill(balChg="-5", posBalChg="")["amount"] == Decimal(-5)


def test_a_new_type_of_bill_is_kept_by_its_number() -> None:
    row = bill(type="998", subType="997", something="new", notes=None)
    assert (row["kind"], row["class"]) == ("998", "other")


def test_an_exercised_option_counts() -> None:
    assert bill(type="3", subType="170", ordId="")["class"] == "other"
    assert bill(type="3", subType="112")["class"] == "trade"


@pytest.mark.parametrize(
    ("changed", "amount"),
    [
        ({"balChg": "-0.02", "pnl": "-0.02"}, "-0.02"),
        # of an isolated position, from its margin
        ({"balChg": "0", "posBalChg": "0.03", "pnl": "0.03", "mgnMode": "isolated"}, "0.03"),
        ({"balChg": "-0.04", "pnl": ""}, "-0.04"),
    ],
)
def test_a_funding_payment(changed: dict[str, Any], amount: str) -> None:
    sent = BILL | {"type": "8", "subType": "173", "instId": "BTC-USDT-SWAP", "ordId": ""} | changed
    [row] = read("/account/bills-archive", [sent], "funding", "swap")
    assert (row["market"], row["asset"], row["amount"]) == (
        "BTC/USDT:USDT",
        "USDT",
        Decimal(amount),
    )


def test_a_deposit_and_a_withdrawal() -> None:
    [deposit] = read("/asset/deposit-history", [DEPOSIT | {"new": 1}], "transfers", "deposits")
    assert (deposit["transfer_id"], deposit["status"], deposit["to_wallet"]) == (
        "8833",
        "ok",
        "funding",
    )
    [sent] = read("/asset/withdrawal-history", [WITHDRAWAL], "transfers", "withdrawals")
    assert (sent["transfer_id"], sent["status"], sent["fee_cost"]) == (
        "15447421",
        "ok",
        Decimal("0.007"),
    )
    assert (sent["amount"], sent["txid"]) == (Decimal("0.029809"), "0x35c")


@pytest.mark.parametrize(
    ("type", "from_wallet", "to_wallet"),
    [("130", "trading", "funding"), ("131", "funding", "trading")],
)
def test_a_transfer_between_the_accounts(type: str, from_wallet: str, to_wallet: str) -> None:
    name = "from trading" if type == "130" else "to trading"
    sent = ASSET_BILL | {"type": type, "balChg": "2" if type == "130" else "-2"}
    [row] = read("/asset/bills-history", [sent], "transfers", name)
    assert (row["from_wallet"], row["to_wallet"], row["amount"]) == (
        from_wallet,
        to_wallet,
        Decimal(2),
    )


# -- balances and positions ----------------------------------------------------------------------


def holdings(*coins: dict[str, Any], **lists: list[dict[str, Any]]) -> Any:
    """`lists`: what further endpoints answer: assets, savings, orders, staked coins, loans."""
    names = {
        "/asset/balances": "assets",
        "/savings/balance": "savings",
        "/staking-defi/orders-active": "orders",
        "/eth/purchase-redeem-history": "eth",
        "/sol/purchase-redeem-history": "sol",
        "/flexible-loan/loan-info": "loans",
        "/flexible-loan/loan-history": "borrowed",
    }

    def answers(path: str, params: Mapping[str, Any]) -> Any:
        details = [{"totalEq": "1", "isoEq": "0", "uTime": str(DAY), "details": list(coins)}]
        name = next((name for end, name in names.items() if path.endswith(end)), "")
        return {"code": "0", "msg": "", "data": lists.get(name, []) if name else details}

    with account("okx", answers, BTC) as okx:
        return {
            (row["wallet"], row["asset"]): tuple(
                row[name] for name in ("total", "free", "used", "debt")
            )
            for row in okx.snapshot("balances")
        }


def decimals(*values: str) -> tuple[Decimal, ...]:
    return tuple(map(Decimal, values))


def test_a_balance() -> None:
    found = holdings(
        COIN, assets=[{"ccy": "BTC", "bal": "2", "availBal": "1.5", "frozenBal": ".5"}]
    )
    assert found == {
        ("trading", "USDT"): decimals("4850.435693622894", "4834.317093622894", "16.1186", "0"),
        ("funding", "BTC"): decimals("2", "1.5", "0.5", "0"),
    }


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        # short two coins: `liab` repeats the negative balance
        (
            {"cashBal": "-2", "eq": "-2", "liab": "2", "crossLiab": "2", "availBal": "0"},
            ("-2", "0", "0", "0"),
        ),
        # an unrealized loss is a liability, but no debt
        ({"cashBal": "5", "eq": "-1", "uplLiab": "1", "liab": "1"}, ("5", "5", "0", "0")),
        # an isolated position with a margin of 5.5 and a loss of 0.0314
        (
            {"cashBal": "94.4261", "isoEq": "5.4686", "isoUpl": "-0.0314", "availBal": "94.4261"},
            ("99.9261", "94.4261", "5.5", "0"),
        ),
        # spot mode, where fields of margin do not apply: with borrowed coins in the balance, or not
        (
            {"cashBal": "7", "eq": "5", "upl": "", "isoEq": "", "isoUpl": "", "liab": "2"},
            ("7", "5", "2", "2"),
        ),
        (
            {"cashBal": "-2", "eq": "-2", "upl": "", "isoEq": "", "isoUpl": "", "liab": "2"},
            ("-2", "0", "0", "0"),
        ),
    ],
)
def test_what_is_owed_and_what_is_margin(
    changed: dict[str, Any], expected: tuple[str, ...]
) -> None:
    available = "5" if Decimal(changed["cashBal"]) > 0 else "0"
    coin = COIN | {"stgyEq": "0", "upl": "0", "availBal": available} | changed
    assert holdings(coin) == {("trading", "USDT"): decimals(*expected)}


def test_a_new_field_of_a_balance_changes_nothing_and_a_missing_one_is_unreadable() -> None:
    assert holdings(COIN | {"something": "new"}) == holdings(COIN)
    with pytest.raises(ExchangeFailure, match="cashBal"):
        holdings({name: value for name, value in COIN.items() if name != "cashBal"})


SAVING = {
    **{"earnings": "0.0010737388791526", "redemptAmt": "", "rate": "0.0100000000000000"},
    **{"ccy": "USDT", "amt": "11.0010737453457821", "loanAmt": "11.0010630707982819"},
    **{"pendingAmt": "0.0000106745475002"},
}
"""Get saving balance, a copy of 2025-11-30."""
ORDER_OF_EARN = {
    **{"ordId": "2413499", "ccy": "DOT", "productId": "101", "state": "1", "protocol": "Polkadot"},
    **{"protocolType": "defi", "term": "0", "apy": "0.1014", "tag": ""},
    **{"investData": [{"ccy": "DOT", "amt": "2"}, {"ccy": "USDT", "amt": "0.5"}]},
    **{"earningData": [{"ccy": "DOT", "earningType": "0", "earnings": "0.10615025"}]},
    **{"purchasedTime": str(DAY), "estSettlementTime": "", "cancelRedemptionDeadline": ""},
    **{"fastRedemptionData": []},
}
"""Get active orders of on-chain earn, a copy of 2025-11-30."""


def test_what_is_in_earn() -> None:
    found = holdings(savings=[SAVING], orders=[ORDER_OF_EARN, ORDER_OF_EARN | {"ordId": "2"}])
    assert found == {
        ("earn", "USDT"): decimals("12.0010737453457821", "11.0010737453457821", "1", "0"),
        ("earn", "DOT"): decimals("4", "0", "4", "0"),
    }


@pytest.mark.parametrize(
    "lists",
    [
        {"savings": [SAVING | {"amt": None}]},
        {"savings": [SAVING | {"amt": "a lot"}]},
        {"savings": [{n: v for n, v in SAVING.items() if n != "ccy"}]},
        {"savings": [SAVING, SAVING | {"amt": "12"}]},
        {"savings": {"USDT": "11"}},
        {"orders": [ORDER_OF_EARN | {"investData": []}]},
        {"orders": [ORDER_OF_EARN | {"investData": ["DOT"]}]},
        {"orders": [{n: v for n, v in ORDER_OF_EARN.items() if n != "investData"}]},
        {"orders": [ORDER_OF_EARN | {"investData": [{"ccy": "DOT"}]}]},
    ],
)
def test_earn_that_cannot_be_read_is_not_taken_for_nothing(lists: Any) -> None:
    with pytest.raises((Unreadable, ExchangeFailure), match=r"amt|ccy|list|twice|read"):
        holdings(**lists)


@pytest.mark.parametrize(
    ("type", "change", "from_wallet", "to_wallet"),
    [
        ("75", "-12.5", "funding", "earn"),
        ("76", "12.5", "earn", "funding"),
        ("80", "-12.5", "funding", "earn"),
        ("82", "12.5", "earn", "funding"),
        # a subscription that is given back
        ("75", "12.5", "earn", "funding"),
        *((type, "-12.5", "funding", "staking") for type in ("137", "138", "329", "331")),
        *((type, "12.5", "staking", "funding") for type in ("138", "330", "332")),
    ],
)
def test_what_is_subscribed_and_redeemed_moves_to_and_from_earn(
    type: str, change: str, from_wallet: str, to_wallet: str
) -> None:
    sent = [ASSET_BILL | {"type": type, "balChg": change}]
    [row] = read("/asset/bills-history", sent, "transfers", "earn")
    assert (row["kind"], row["amount"]) == ("transfer", Decimal("12.5"))
    assert (row["from_wallet"], row["to_wallet"]) == (from_wallet, to_wallet)
    [entry] = read("/asset/bills-history", sent, "ledger", "funding")
    assert (entry["class"], entry["entry_id"]) == ("transfer", row["transfer_id"])


def test_other_bills_do_not_move_to_earn() -> None:
    sent = [ASSET_BILL | {"type": "131"}]
    assert read("/asset/bills-history", sent, "transfers", "earn") == []


def test_interest_of_savings() -> None:
    lent = {"ccy": "BTC", "amt": "0.01", "earnings": "0.001", "rate": "0.01", "ts": str(DAY)}
    rows = read("/savings/lending-history", [lent, lent | {"ccy": "ETH"}], "ledger", "earn")
    assert [
        (row["wallet"], row["entry_id"], row["asset"], row["amount"], row["class"]) for row in rows
    ] == [
        ("earn", f"BTC {DAY}", "BTC", Decimal("0.001"), "interest"),
        ("earn", f"ETH {DAY}", "ETH", Decimal("0.001"), "interest"),
    ]


STAKED = {
    **{"amt": "0.62666630", "completedTime": "1683413171000", "estCompletedTime": ""},
    **{"redeemingAmt": "", "requestTime": str(DAY), "status": "success", "type": "purchase"},
}
"""Purchase&Redeem history of ETH staking, a copy of 2026-07-11."""


def test_what_is_being_staked_or_redeemed() -> None:
    found = holdings(
        eth=[STAKED, STAKED | {"status": "pending", "amt": "2", "completedTime": ""}],
        sol=[
            STAKED | {"status": "pending", "amt": "3", "type": "redeem", "completedTime": ""},
            STAKED | {"status": "pending", "amt": "4", "type": "redeem", "completedTime": ""},
            STAKED | {"status": "failed", "amt": "5"},
        ],
    )
    assert found == {
        ("staking", "ETH"): decimals("2", "0", "2", "0"),
        ("staking", "OKSOL"): decimals("7", "0", "7", "0"),
    }


@pytest.mark.parametrize(
    "lists",
    [
        {"eth": [{**STAKED, "status": "pending", "amt": None}]},
        {"eth": [STAKED | {"status": "pending", "amt": "some"}]},
        {"sol": [{n: v for n, v in STAKED.items() if n != "status"}]},
        {"sol": [STAKED | {"status": "pending", "type": "gift"}]},
        {"sol": [STAKED | {"status": "settling"}]},
        {"eth": {"0": STAKED}},
        {"eth": ["staked"]},
    ],
)
def test_staking_that_cannot_be_read_is_not_taken_for_nothing(lists: Any) -> None:
    with pytest.raises((Unreadable, ExchangeFailure), match=r"amt|status|type|list|read"):
        holdings(**lists)


@pytest.mark.parametrize(
    ("path", "type", "given", "received"),
    [
        ("eth", "purchase", "ETH", "BETH"),
        ("eth", "redeem", "BETH", "ETH"),
        ("sol", "purchase", "SOL", "OKSOL"),
        ("sol", "redeem", "OKSOL", "SOL"),
    ],
)
def test_completed_staking_is_an_exchange(path: str, type: str, given: str, received: str) -> None:
    sent = [STAKED | {"type": type, "completedTime": str(DAY + 9_000)}]
    stream = f"{path.upper()} staking"
    [row] = read(f"/{path}/purchase-redeem-history", sent, "conversions", stream)
    assert (row["wallet"], row["kind"]) == ("staking", "convert")
    assert (row["from_asset"], row["to_asset"]) == (given, received)
    assert row["from_amount"] == row["to_amount"] == Decimal("0.62666630")
    assert row["happened_at"] == to_time(DAY + 9_000)


@pytest.mark.parametrize("status", ["failed", "cancelled", "pending"])
def test_staking_that_is_not_completed_exchanges_nothing(status: str) -> None:
    sent = [STAKED | {"status": status, "completedTime": ""}]
    assert read("/eth/purchase-redeem-history", sent, "conversions", "ETH staking") == []


@pytest.mark.parametrize(
    "changed",
    [
        {"type": None},
        *({name: None} for name in ("amt", "status", "requestTime", "completedTime")),
        {"status": "new"},
        {"type": "new"},
        {"amt": "much"},
        {"completedTime": ""},
        {"completedTime": "soon"},
    ],
)
def test_staking_of_unknown_meaning_is_unreadable(changed: dict[str, Any]) -> None:
    with pytest.raises(Unreadable):
        read("/eth/purchase-redeem-history", [STAKED | changed], "conversions", "ETH staking")


LOANS = {
    **{"loanNotionalUsd": "9.1", "loanData": [{"ccy": "USDT", "amt": "9.2"}]},
    **{"collateralNotionalUsd": "14", "collateralData": [{"ccy": "BTC", "amt": "0.0001"}]},
    **{"riskWarningData": {"instId": "BTC-USDT", "liqPx": "1"}, "curLTV": "0.65"},
    **{"marginCallLTV": "0.8", "liqLTV": "0.9"},
}
"""Loan info, of the fields that its page lists."""


def test_collateral_and_what_is_owed() -> None:
    both = LOANS | {"collateralData": [*LOANS["collateralData"], {"ccy": "USDT", "amt": "5"}]}
    held = holdings(loans=[both])
    assert held["loan", "BTC"] == decimals("0.0001", "0", "0.0001", "0")
    assert held["loan", "USDT"] == decimals("5", "0", "5", "9.2")


@pytest.mark.parametrize(
    "changed",
    [
        *({name: None} for name in ("loanData", "collateralData")),
        {"loanData": {}},
        {"collateralData": [{"ccy": "BTC"}]},
        {"loanData": [{"amt": "1"}]},
        {"loanData": [{"ccy": "USDT", "amt": "much"}]},
    ],
)
def test_loan_info_of_unknown_meaning_is_unreadable(changed: dict[str, Any]) -> None:
    with pytest.raises((ExchangeFailure, Unreadable)):
        holdings(loans=[LOANS | changed])


@pytest.mark.parametrize(
    ("type_", "change", "source", "target", "owed"),
    [
        ("212", "-2", "funding", "loan", []),
        ("215", "2", "loan", "funding", []),
        ("175", "-2", "funding", "loan", []),
        ("217", "2", "loan", "funding", [Decimal(2)]),
        ("218", "-2", "funding", "loan", [Decimal(-2)]),
        ("1", "2", "", "", []),
    ],
)
def test_a_bill_of_a_loan(
    type_: str, change: str, source: str, target: str, owed: list[Decimal]
) -> None:
    sent = [ASSET_BILL | {"type": type_, "balChg": change}]
    moved = read("/asset/bills-history", sent, "transfers", "earn")
    assert [(row["from_wallet"], row["to_wallet"], row["amount"]) for row in moved] == (
        [(source, target, Decimal(2))] if source else []
    )
    booked = read("/asset/bills-history", sent, "ledger", "loan")
    assert [row["amount"] for row in booked] == owed
    assert {(row["wallet"], row["class"]) for row in booked} <= {("loan", "loan")}
    [bill] = read("/asset/bills-history", sent, "ledger", "funding")
    assert bill["class"] == "transfer"


CONVERSION = {
    **{"clTReqId": "", "instId": "ETH-USDT", "side": "buy", "fillPx": "2932.401044"},
    **{"baseCcy": "ETH", "quoteCcy": "USDT", "fillBaseSz": "0.01023052"},
    **{"state": "fullyFilled", "tradeId": "trader16461885203381437", "fillQuoteSz": "30"},
    **{"ts": str(DAY)},
}
"""Get convert history, as ccxt has it."""


@pytest.mark.parametrize(
    ("side", "given", "received"),
    [
        ("buy", ("USDT", "30"), ("ETH", "0.01023052")),
        ("sell", ("ETH", "0.01023052"), ("USDT", "30")),
    ],
)
def test_a_conversion(side: str, given: tuple[str, str], received: tuple[str, str]) -> None:
    [row] = read("/asset/convert/history", [CONVERSION | {"side": side}], "conversions")
    assert (row["kind"], row["conversion_id"]) == ("convert", "trader16461885203381437")
    assert (row["wallet"], row["fee_cost"]) == ("trading", None)
    assert (row["from_asset"], str(row["from_amount"])) == given
    assert (row["to_asset"], str(row["to_amount"])) == received


def test_a_conversion_that_was_rejected_is_none() -> None:
    sent = [CONVERSION | {"state": "rejected", "fillBaseSz": "0", "fillQuoteSz": "0"}]
    assert read("/asset/convert/history", sent, "conversions") == []


@pytest.mark.parametrize(
    "changed",
    [
        *({name: None} for name in ("tradeId", "state", "side", "baseCcy", "fillQuoteSz", "ts")),
        {"state": "new"},
        {"side": "new"},
        {"fillBaseSz": "much"},
    ],
)
def test_a_conversion_of_unknown_meaning_is_unreadable(changed: dict[str, Any]) -> None:
    with pytest.raises(Unreadable):
        read("/asset/convert/history", [CONVERSION | changed], "conversions")


REPAYMENT = {
    **{"debtCcy": "USDC", "fillDebtSz": "6.950974", "fillRepaySz": "4.3067975", "repayCcy": "ETH"},
    **{"status": "filled", "uTime": str(DAY)},
}
"""One-click repay history."""


def repaid(**changed: Any) -> list[dict[str, Any]]:
    sent = [REPAYMENT | changed]
    return read("/trade/one-click-repay-history", sent, "conversions", "one-click repay")


def test_a_repayment() -> None:
    [row] = repaid()
    assert (row["kind"], row["conversion_id"]) == ("convert", f"repay {DAY} ETH USDC")
    assert (row["wallet"], row["fee_cost"]) == ("trading", None)
    assert (row["from_asset"], str(row["from_amount"])) == ("ETH", "4.3067975")
    assert (row["to_asset"], str(row["to_amount"])) == ("USDC", "6.950974")


@pytest.mark.parametrize("status", ["failed", "running"])
def test_a_repayment_that_did_not_happen_or_not_yet(status: str) -> None:
    assert repaid(status=status) == []


@pytest.mark.parametrize(
    "changed",
    [
        *({name: None} for name in ("debtCcy", "fillDebtSz", "repayCcy", "fillRepaySz", "uTime")),
        {"status": "new"},
        {"fillDebtSz": "much"},
    ],
)
def test_a_repayment_of_unknown_meaning_is_unreadable(changed: dict[str, Any]) -> None:
    with pytest.raises(Unreadable):
        repaid(**changed)


def position(**changed: Any) -> list[dict[str, Any]]:
    def answers(path: str, params: Mapping[str, Any]) -> Any:
        mine = params.get("instType") == "MARGIN"
        return {"code": "0", "msg": "", "data": [MARGIN | changed] if mine else []}

    with account("okx", answers, BTC, ETH) as okx:
        return okx.snapshot("positions")


def test_a_margin_position() -> None:
    [row] = position()
    assert {name: row[name] for name in ("market", "side", "margin_mode", "contracts")} == {
        "market": "BTC/USDT",
        "side": "long",
        "margin_mode": "isolated",
        "contracts": Decimal("0.0019"),
    }
    # in the quote currency
    assert row["unrealized_pnl"] == Decimal("-0.18")
    assert (row["entry_price"], row["mark_price"]) == decimals("62961.4", "60000")


def test_a_short_margin_position_has_the_quote_currency() -> None:
    [row] = position(posCcy="USDT", ccy="USDT", upl="-0.5")
    assert (row["side"], row["unrealized_pnl"]) == ("short", Decimal("-0.5"))
    [row] = position(posSide="long", posCcy="USDT")
    assert row["side"] == "long"


# -- a new account -------------------------------------------------------------------------------


def test_an_empty_account() -> None:
    def answers(path: str, params: Mapping[str, Any]) -> Any:
        balance = [{"details": [], "totalEq": "0", "isoEq": "", "adjEq": "", "uTime": str(DAY)}]
        return {"code": "0", "msg": "", "data": balance if path.endswith("account/balance") else []}

    def nothing(okx: Account) -> bool:
        return not any(okx.snapshot(dataset) for dataset in ("balances", "positions")) and not any(
            okx.rows(dataset) for dataset in okx.venue.histories
        )

    with account("okx", answers, BTC, PERPETUAL) as okx:
        assert nothing(okx)


def test_every_endpoint_says_what_its_page_documents() -> None:
    venue = VENUES["okx"]
    feeds = [
        *(source.feed for history in venue.histories.values() for source in history.values()),
        *(source.feed for source in (*venue.positions, *venue.open_orders)),
        *(source.feed for source in venue.order_by_id("spot", "BTC-USDT", "1")),
    ]
    pages = [*(feed.documented for feed in feeds), *(w.documented for w in venue.wallets)]
    for page in pages:
        assert page is not None
        assert page.page.startswith("www.okx.com/docs-v5/en/#")
        assert (page.dated >= "2026-06-01", bool(page.cost)) == (True, True), page
