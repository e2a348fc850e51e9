"""Lets one key of Binance have the lists of a master account and those of a sub-account, with rows:
what it moved between its own wallets counts as sent to a sub-account. It has those of Portfolio
Margin and of options too: what it does on margin and futures is listed there as well, the fills of
futures as those of one contract, and as exercises of it."""

from dataclasses import replace
from decimal import Decimal

import pytest

from alphapulse_pipeline.sync.session import Session
from alphapulse_pipeline_tests.conftest import NOW_MS
from exchange_simulator.binance import (
    endpoints,
    option_trading,
    options,
    orders,
    portfolio_margin,
    sub_accounts,
    trades,
)
from exchange_simulator.binance.call import Call
from exchange_simulator.binance.pages import wallet_window
from exchange_simulator.binance.symbols import symbol_of
from exchange_simulator.markets import expiries, option
from exchange_simulator.records import Between, Fill, Transfer

_SUB_ACCOUNT = 1
_CONTRACT = option("BTC", expiries(NOW_MS)[-1], Decimal(90_000), "C")
_TRADED = "BTC/USDT:USDT"
"""What is listed as fills of the contract."""


def have_both(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(sub_accounts, "is_sub_account", lambda call: True)
    patch.setattr(sub_accounts, "between", _between)
    patch.setattr(endpoints, "require_opened", lambda layout, path: None)
    patch.setattr(portfolio_margin, "_trades", lambda call: True)
    patch.setattr(options, "OPTION", "usdm")
    patch.setattr(option_trading, "symbol_of", lambda market: symbol_of(_CONTRACT))
    patch.setattr(option_trading, "_contracts", lambda call: [_CONTRACT])
    patch.setattr(option_trading, "_contract", lambda call: call.world.catalogue.by_name[_TRADED])
    patch.setattr(option_trading, "_is_exercise", _is_traded)
    for module in (orders, portfolio_margin, trades):
        patch.setattr(module, "PORTFOLIO_MARGIN", "margin")


def name_contract(session: Session) -> None:
    """The contract is one that the account had."""
    session.markets.resolve(symbol_of(_CONTRACT), "option")
    session.store_unlisted()


def _is_traded(fill: Fill) -> bool:
    return fill.order.market.name == _TRADED


def _between(call: Call, longest: int) -> list[Transfer]:
    window = wallet_window(call, longest)
    timeline = call.world.account.transfers
    return [
        replace(transfer, between=Between(f"{transfer.number:08x}", call.key.uid, _SUB_ACCOUNT))
        for _, transfer in call.exchange.newest_first(timeline, window.start, window.end, call.now)
        if transfer.from_wallet and transfer.from_wallet != "funding"
    ]
