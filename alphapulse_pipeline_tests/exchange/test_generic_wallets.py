"""Balances of exchanges read through ccxt: every wallet that is read, without unrealized profit."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest

from alphapulse_pipeline.exchange.errors import ExchangeFailure
from alphapulse_pipeline_tests.exchange.accounts import account, market

Answer = tuple[str, Mapping[str, str], Any]
"""The end of a path, some of the parameters, and the answer."""


def bitget(product: str, coin: str, equity: str, profit: str) -> Answer:
    """https://www.bitget.com/api-doc/contract/account/Get-Account-List"""
    entry = {
        "marginCoin": coin,
        "locked": "40",
        "available": "900",
        "maxTransferOut": "800",
        "accountEquity": equity,
        "unrealizedPL": profit,
    }
    return "/mix/account/accounts", {"productType": product}, {"code": "00000", "data": [entry]}


def kucoin(kind: str, amount: str) -> Answer:
    """https://www.kucoin.com/docs-new/rest/account-info/account-funding/get-account-list-spot"""
    entry = {"currency": "USDT", "type": kind, "balance": amount, "available": "1", "holds": "0"}
    return "/accounts", {"type": kind}, {"code": "200000", "data": [entry]}


def kucoin_futures(currency: str, equity: str, profit: str) -> Answer:
    """https://www.kucoin.com/docs-new/rest/account-info/account-funding/get-account-futures"""
    data = {
        "currency": currency,
        "accountEquity": float(equity),
        "unrealisedPNL": float(profit),
        "positionMargin": 0,
        "orderMargin": 0,
        "frozenFunds": 0,
        "availableBalance": 900,
    }
    return "/account-overview", {"currency": currency}, {"code": "200000", "data": data}


def htx_inverse(path: str, equity: str, profit: str) -> Answer:
    """https://huobiapi.github.io/docs/coin_margined_swap/v1/en/"""
    entry = {
        "symbol": "BTC",
        "margin_balance": float(equity),
        "margin_frozen": 0.5,
        "margin_available": 1,
        "profit_unreal": float(profit),
    }
    return path, {}, {"status": "ok", "data": [entry]}


CLASSIC: Answer = ("/account/mode", {}, {"code": "200000", "data": {"selfAccountMode": "CLASSIC"}})

# exchange -> its answers, and the balances: wallet, asset, total
ACCOUNTS: dict[str, tuple[list[Answer], list[tuple[str, str, str]]]] = {
    "bitfinex": (
        [
            (
                "/auth/r/wallets",
                {},
                [
                    ["exchange", "UST", 10.5, 0, 10, None, None],
                    ["margin", "USD", 20.25, -0.5, 20, None, None],
                    ["funding", "USD", 30, 0, 30, None, None],
                ],
            )
        ],
        [("exchange", "USDT", "10.5"), ("funding", "USD", "30"), ("margin", "USD", "20.25")],
    ),
    "bitget": (
        [
            ("/spot/account/assets", {}, {"code": "00000", "data": []}),
            bitget("USDT-FUTURES", "USDT", "1300", "300"),
            bitget("USDC-FUTURES", "USDC", "50", "-5"),
            bitget("COIN-FUTURES", "BTC", "2", "0.5"),
        ],
        [("inverse", "BTC", "1.5"), ("linear", "USDC", "55"), ("linear", "USDT", "1000")],
    ),
    "coinbase": (
        [
            (
                "/brokerage/accounts",
                {},
                {
                    "accounts": [
                        {
                            "currency": "USD",
                            "type": "ACCOUNT_TYPE_FIAT",
                            "available_balance": {"value": "900", "currency": "USD"},
                            "hold": {"value": "100", "currency": "USD"},
                        }
                    ],
                    "has_next": False,
                },
            ),
            (
                "/brokerage/cfm/balance_summary",
                {},
                {
                    "balance_summary": {
                        "futures_buying_power": {"value": "1200", "currency": "USD"},
                        "total_usd_balance": {"value": "1250", "currency": "USD"},
                        "cbi_usd_balance": {"value": "1000", "currency": "USD"},
                        "cfm_usd_balance": {"value": "250", "currency": "USD"},
                        "unrealized_pnl": {"value": "50", "currency": "USD"},
                    }
                },
            ),
        ],
        [("spot", "USD", "1000"), ("swap", "USD", "250")],
    ),
    "deribit": (
        [
            (
                "/get_account_summaries",
                {},
                {"result": {"summaries": [{"currency": "BTC", "equity": 1.3, "balance": 1}]}},
            )
        ],
        [("account", "BTC", "1")],
    ),
    "htx": (
        [
            ("/v1/account/accounts", {}, {"status": "ok", "data": [{"id": 7, "type": "spot"}]}),
            (
                "/v1/account/accounts/7/balance",
                {},
                {
                    "data": {
                        "list": [
                            {"currency": "ht", "type": "trade", "balance": "2.5"},
                            {"currency": "ht", "type": "frozen", "balance": "0.5"},
                        ]
                    }
                },
            ),
            (
                "/v5/account/balance",
                {},
                {
                    "code": 200,
                    "data": {
                        "details": [{"currency": "USDT", "equity": "1300", "profit_unreal": "300"}]
                    },
                },
            ),
            htx_inverse("/swap-api/v1/swap_account_info", "3", "1"),
            htx_inverse("/api/v1/contract_account_info", "6", "2"),
        ],
        [
            ("inverse", "BTC", "2"),
            ("inverse future", "BTC", "4"),
            ("linear", "USDT", "1000"),
            ("spot", "HT", "3"),
        ],
    ),
    "krakenfutures": (
        [
            (
                "/accounts",
                {},
                {
                    "result": "success",
                    "accounts": {
                        "cash": {"type": "cashAccount", "balances": {"xbt": "0.5", "usd": "0.0"}},
                        "flex": {
                            "type": "multiCollateralMarginAccount",
                            "currencies": {"USDT": {"quantity": "1000", "value": "1000.1"}},
                            "pnl": "300",
                            "portfolioValue": "1300",
                        },
                        "fi_xbtusd": {
                            "type": "marginAccount",
                            "currency": "xbt",
                            "auxiliary": {"pv": "1.3", "pnl": "0.3", "af": "1"},
                            "balances": {"xbt": "1.0", "FI_XBTUSD_261225": "300"},
                        },
                        "fv_xrpxbt": {"type": "marginAccount", "balances": {"xbt": "0.25"}},
                    },
                },
            )
        ],
        [("cash", "BTC", "0.5"), ("flex", "USDT", "1000"), ("margin", "BTC", "1.25")],
    ),
    "kucoin": (
        [
            CLASSIC,
            kucoin("main", "5"),
            kucoin("trade", "7"),
            kucoin_futures("USDT", "1300", "300"),
            kucoin_futures("USDC", "0", "0"),
            kucoin_futures("XBT", "0", "0"),
            kucoin_futures("ETH", "0", "0"),
        ],
        [("main", "USDT", "5"), ("spot", "USDT", "7"), ("swap", "USDT", "1000")],
    ),
}


@pytest.mark.parametrize("exchange", ACCOUNTS)
def test_the_wallets_and_their_balances(exchange: str) -> None:
    given, expected = ACCOUNTS[exchange]

    def answers(path: str, asked: Mapping[str, Any]) -> Any:
        for end, some, answer in given:
            if path.endswith(end) and all(str(asked.get(n)) == v for n, v in some.items()):
                return answer
        return None

    listed = [market("BTC/USDT", "BTCUSDT"), market("ETH/USDC", "ETHUSDC")]
    with account(exchange, answers, *listed) as read:
        rows = read.snapshot("balances")
    found = sorted((row["wallet"], row["asset"], row["total"]) for row in rows)
    assert found == [(wallet, asset, Decimal(total)) for wallet, asset, total in expected]
    assert all(row["free"] is not None for row in rows)


def test_unified_accounts_are_refused() -> None:
    """Their fills would be read twice, their orders not at all."""
    unified = {"code": "200000", "data": {"selfAccountMode": "UNIFIED"}}
    refusal = {
        "code": "40085",
        "msg": "You are in Unified Account mode, and the Classic Account API is not supported",
    }
    for exchange, answer in {"kucoin": unified, "bitget": refusal}.items():
        with account(exchange, lambda *_, given=answer: given) as read:
            for stream in ("spot", "swap" if exchange == "kucoin" else "linear USDT"):
                with pytest.raises(ExchangeFailure, match="unified account"):
                    read.rows("orders", stream)
