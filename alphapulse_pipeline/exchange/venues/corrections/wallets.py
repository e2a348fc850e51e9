"""Wallets that ccxt does not list, and balances in which it includes unrealized profit.

The portfolio counts the unrealized profit of positions itself, so a wallet's total must be without.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from functools import partial
from typing import Any

from alphapulse_pipeline.exchange.venues.venue import Wallet

Amounts = Iterable[tuple[str, Any, Any, Any]]
"""Raw asset, total, used, debt: see `Wallet.assets`."""


def _bitfinex(kind: str, answer: Any) -> Amounts:
    """docs.bitfinex.com/reference/rest-auth-wallets (undated): type, currency, balance, unsettled
    interest, available balance. One answer has the wallets of all types."""
    for entry in answer:
        name, currency, balance, interest, available = entry[:5]
        if name == kind:
            used = Decimal(0) if available is None else Decimal(balance) - Decimal(available)
            yield currency, balance, used, interest


def _bitget(answer: Any) -> Amounts:
    """bitget.com/api-doc/contract/account/Get-Account-List (undated): accountEquity includes
    unrealizedPL."""
    for entry in answer:
        total = Decimal(entry["accountEquity"]) - Decimal(entry["unrealizedPL"] or 0)
        yield entry["marginCoin"], total, entry["locked"], None


def _coinbase_futures(answer: Any) -> Amounts:
    """docs.cdp.coinbase.com/api-reference/advanced-trade-api/rest-api/futures/
    get-futures-balance-summary (undated): total_usd_balance, which ccxt takes, is the sum of
    cbi_usd_balance, the dollars of the spot wallet, and cfm_usd_balance."""
    held = (answer.get("balance_summary") or {}).get("cfm_usd_balance") or {}
    if held.get("value"):
        yield held["currency"], held["value"], None, None


def _deribit(answer: Any) -> Amounts:
    """docs.deribit.com/api-reference/account-management/private-get_account_summaries (undated):
    equity includes the profit since the last settlement, and the value of options."""
    for entry in answer["summaries"]:
        yield entry["currency"], entry["balance"], None, None


def _htx_linear(answer: Any) -> Amounts:
    """htx.com/en-us/opend/newApiPages/?id=8cb89359-77b5-11ed-9966-19588469969 (undated)."""
    for entry in answer["data"]["details"]:
        cash = Decimal(entry["equity"]) - Decimal(entry["profit_unreal"])
        yield entry["currency"], cash, None, None


def _htx_inverse(answer: Any) -> Amounts:
    """huobiapi.github.io/docs/coin_margined_swap/v1/en (`swap_account_info`; undated)."""
    for entry in answer["data"]:
        cash = Decimal(entry["margin_balance"]) - Decimal(entry["profit_unreal"])
        yield entry["symbol"], cash, entry["margin_frozen"], None


def _krakenfutures(accounts: Any) -> Amounts:
    """docs.kraken.com/api-reference/account-information/get-wallets (undated). Contracts are listed
    like assets; the markets of single-collateral contracts have an account each."""
    sums: dict[str, Decimal] = {}
    for account in accounts:
        held = account.get("balances") or {}
        flexible = account.get("currencies") or {}
        for asset, amount in [*held.items(), *((a, e["quantity"]) for a, e in flexible.items())]:
            if "_" not in asset:
                sums[asset] = sums.get(asset, Decimal(0)) + Decimal(amount)
    for asset, total in sums.items():
        yield asset, total, None, None


def _kucoin(answer: Any) -> Amounts:
    """kucoin.com/docs-new/rest/account-info/account-funding/get-account-futures (undated):
    accountEquity = marginBalance + unrealisedPNL."""
    entry = answer["data"]
    total = Decimal(entry["accountEquity"]) - Decimal(entry["unrealisedPNL"])
    held = sum(Decimal(entry[name]) for name in ("positionMargin", "orderMargin", "frozenFunds"))
    yield entry["currency"], total, held, None


_FUTURES = "USDT-FUTURES", "USDC-FUTURES"
_LINEAR = {"type": "swap", "subType": "linear"}
_INVERSE = {"type": "swap", "subType": "inverse"}

WALLETS: Mapping[str, tuple[Wallet, ...]] = {
    "bitfinex": tuple(
        Wallet(name, assets=partial(_bitfinex, name)) for name in ("exchange", "margin", "funding")
    ),
    "bitget": (
        Wallet("spot", {"type": "spot"}),
        *(Wallet("linear", {**_LINEAR, "productType": name}, assets=_bitget) for name in _FUTURES),
        Wallet("inverse", _INVERSE, assets=_bitget),
    ),
    "coinbase": (
        # by default, ccxt reads one page of another list
        Wallet("spot", {"type": "spot", "v3": True}),
        Wallet("swap", {"type": "swap"}, assets=_coinbase_futures),
    ),
    "deribit": (Wallet("account", assets=_deribit),),
    "htx": (
        Wallet("spot", {"type": "spot"}),
        Wallet("linear", _LINEAR, assets=_htx_linear),
        # ccxt reads this parameter, and not `subType`
        Wallet("inverse", {"type": "swap", "defaultSubType": "inverse"}, assets=_htx_inverse),
        Wallet(
            "inverse future",
            {"type": "future", "defaultSubType": "inverse"},
            assets=_htx_inverse,
        ),
    ),
    "krakenfutures": tuple(
        Wallet(name, {"type": name}, assets=_krakenfutures) for name in ("flex", "cash", "margin")
    ),
    "kucoin": (
        Wallet("main", {"type": "main"}),
        Wallet("spot", {"type": "spot"}),
        *(
            Wallet("swap", {"type": "swap", "currency": coin}, assets=_kucoin)
            for coin in ("USDT", "USDC", "XBT", "ETH")
        ),
    ),
    "kucoinfutures": tuple(
        Wallet("account", {"currency": coin}, assets=_kucoin)
        for coin in ("USDT", "USDC", "XBT", "ETH")
    ),
}
"""Exchange -> its wallets, where those derived from ccxt are incomplete or wrong."""
