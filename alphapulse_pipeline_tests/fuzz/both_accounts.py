"""Lets one key of Binance have the lists of a master account and those of a sub-account, with rows:
what it moved between its own wallets counts as sent to a sub-account. It has those of Portfolio
Margin and of options too: what it does on margin and futures is listed there as well."""

from dataclasses import replace

import pytest

from exchange_simulator.binance import (
    endpoints,
    options,
    orders,
    portfolio_margin,
    sub_accounts,
    trades,
)
from exchange_simulator.binance.call import Call
from exchange_simulator.binance.pages import wallet_window
from exchange_simulator.records import Between, Transfer

_SUB_ACCOUNT = 1


def have_both(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(sub_accounts, "is_sub_account", lambda call: True)
    patch.setattr(sub_accounts, "between", _between)
    patch.setattr(endpoints, "require_opened", lambda layout, path: None)
    patch.setattr(portfolio_margin, "_trades", lambda call: True)
    patch.setattr(options, "OPTION", "usdm")
    for module in (orders, portfolio_margin, trades):
        patch.setattr(module, "PORTFOLIO_MARGIN", "margin")


def _between(call: Call, longest: int) -> list[Transfer]:
    window = wallet_window(call, longest)
    timeline = call.world.account.transfers
    return [
        replace(transfer, between=Between(f"{transfer.number:08x}", call.key.uid, _SUB_ACCOUNT))
        for _, transfer in call.exchange.newest_first(timeline, window.start, window.end, call.now)
        if transfer.from_wallet and transfer.from_wallet != "funding"
    ]
