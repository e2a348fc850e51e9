"""Account types, from answers as documented by the exchanges."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest
from ccxt.base.errors import PermissionDenied

from alphapulse_pipeline.exchange.account_type import AccountType
from alphapulse_pipeline.exchange.products import Products
from alphapulse_pipeline.exchange.venues import VENUES


def type_of(exchange: str, answer: Any) -> AccountType:
    async def call(method: str, params: Mapping[str, Any]) -> Any:
        return answer

    ask = VENUES[exchange].account_type
    assert ask is not None
    return asyncio.run(ask(call))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("status", "name", "words"),
    [
        (1, "classic", "are not read"),
        (3, "unified 1.0", "inverse contracts"),
        (4, "unified 1.0", "inverse contracts"),
        (5, "unified 2.0", ""),
        (6, "unified 2.0", ""),
        (7, "unknown account type 7", ""),
    ],
)
def test_bybit_accounts_are_read_completely_from_unified_2_0_on(
    status: int, name: str, words: str
) -> None:
    found = type_of("bybit", {"result": {"unifiedMarginStatus": status}})
    assert found.name == name
    assert words in found.problem
    assert bool(words) == bool(found.problem) == bool(found.fix)


@pytest.mark.parametrize(
    ("mode", "name"),
    [("1", "spot mode"), ("2", "spot and futures mode"), ("4", "portfolio margin")],
)
def test_okx_is_read_in_every_mode(mode: str, name: str) -> None:
    assert type_of("okx", {"data": [{"acctLv": mode}]}) == AccountType(name)


@pytest.mark.parametrize(
    ("flags", "missing"),
    [
        ({}, {"portfolio margin", "option"}),
        ({"isOptionsEnabled": True}, {"portfolio margin"}),
        ({"isFutureEnabled": False}, {"usdm", "coinm", "portfolio margin", "option"}),
        ({"isMarginEnabled": False}, {"margin", "isolated", "portfolio margin", "option"}),
        (
            {"isPortfolioMarginRetailEnabled": True},
            {"margin", "isolated", "usdm", "coinm", "option"},
        ),
        (
            {
                "isMarginEnabled": None,
                "isFutureEnabled": None,
                "isOptionsEnabled": None,
                "isTomorrow": False,
            },
            {"portfolio margin"},
        ),
        ({"isPortfolioMarginRetailEnabled": None}, {"portfolio margin", "option"}),
    ],
)
def test_binance_names_the_wallets_that_were_never_opened(
    flags: dict[str, bool | None], missing: set[str]
) -> None:
    """What it does not mention counts as opened, but for Portfolio Margin."""
    answer = {
        "vipLevel": 0,
        "isMarginEnabled": True,
        "isFutureEnabled": True,
        "isOptionsEnabled": False,
        "isPortfolioMarginRetailEnabled": False,
        **flags,
    }

    async def call(method: str, params: Mapping[str, Any]) -> Any:
        return answer

    ask = VENUES["binance"].products
    assert ask is not None
    found: Products = asyncio.run(ask(call))  # type: ignore[arg-type]
    assert set(found.not_read) == missing
    assert all(found.not_read.values())
    assert bool(found.closed) is bool(flags.get("isPortfolioMarginRetailEnabled"))


def test_binance_portfolio_margin_is_read_if_the_key_may() -> None:
    flags = {"isMarginEnabled": True, "isFutureEnabled": False}
    without = {**flags, "isPortfolioMarginRetailEnabled": False}
    assert type_of("binance", without) == AccountType("spot, margin")
    flags["isPortfolioMarginRetailEnabled"] = True
    assert type_of("binance", flags) == AccountType("portfolio margin")

    async def call(method: str, params: Mapping[str, Any]) -> Any:
        if method == "papiGetBalance":
            raise PermissionDenied('binance {"code":-2015,"msg":"Invalid API-key."}')
        return flags

    ask, products = VENUES["binance"].account_type, VENUES["binance"].products
    assert ask is not None
    assert products is not None
    refused: AccountType = asyncio.run(ask(call))  # type: ignore[arg-type]
    assert refused.rest_is_read
    assert "may not read" in refused.problem
    assert refused.fix
    found: Products = asyncio.run(products(call))  # type: ignore[arg-type]
    assert "Invalid API-key" in found.closed["portfolio margin"]
