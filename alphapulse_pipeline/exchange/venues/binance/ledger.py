"""Binance's ledger and funding payments. Spot has no ledger, only lists of some of its entries."""

from dataclasses import replace
from datetime import timedelta

from alphapulse_pipeline.datasets.values import Row, number
from alphapulse_pipeline.exchange.documented import THREE_MONTHS
from alphapulse_pipeline.exchange.feed import Raw, milliseconds
from alphapulse_pipeline.exchange.venues.binance import (
    earn,
    isolated,
    loans,
    options,
    pages,
    portfolio_margin,
    rebates,
)
from alphapulse_pipeline.exchange.venues.binance.common import (
    COINM,
    ISOLATED,
    MARGIN,
    OPTION,
    USDM,
    windowed,
)
from alphapulse_pipeline.exchange.venues.binance.income import (
    CLASSES,
    INCOME_FIELDS,
    income_entry,
)
from alphapulse_pipeline.exchange.venues.ledger_classes import ledger_class
from alphapulse_pipeline.exchange.venues.venue import Source

_PREFIXES = {USDM: "fapiPrivateGet", COINM: "dapiPrivateGet"}
_CATEGORIES = {USDM: "linear", COINM: "inverse"}
_RETENTION = {USDM: THREE_MONTHS}
# its page says nothing: it may keep no more than USD-M
_KEPT = {COINM: THREE_MONTHS}


def ledger() -> dict[str, Source]:
    return {
        USDM: _income(USDM),
        COINM: _income(COINM),
        MARGIN: _flow(MARGIN),
        # it goes back for 90 days, and what is older is lost only to accounts that used it
        ISOLATED: replace(isolated.per_pair(_flow(ISOLATED), "symbol"), once_used=True),
        **portfolio_margin.ledger(),
        OPTION: options.ledger(),
        **earn.rewards(),
        **rebates.rebates(),
        **loans.ledger(),
    }


def funding() -> dict[str, Source]:
    return {wallet: _funding(wallet) for wallet in (USDM, COINM)} | portfolio_margin.funding()


def _income(wallet: str) -> Source:
    return windowed(
        f"{_PREFIXES[wallet]}Income",
        wallet,
        "parse_ledger_entry",
        milliseconds("time"),
        income_entry,
        required=INCOME_FIELDS,
        documented=pages.INCOME[wallet],
        retention=_RETENTION.get(wallet),
        kept=_KEPT.get(wallet),
        category=_CATEGORIES[wallet],
        mentions="symbol",
    )


def _flow(wallet: str) -> Source:
    return windowed(
        "sapiGetMarginCapitalFlow",
        wallet,
        "parse_ledger_entry",
        milliseconds("timestamp"),
        _capital_flow,
        required=("id", "tranId", "type", "asset", "amount", "timestamp"),
        documented=pages.CAPITAL_FLOW,
        window=timedelta(days=7),
        retention=timedelta(days=90),
    )


def _funding(wallet: str) -> Source:
    return windowed(
        f"{_PREFIXES[wallet]}Income",
        wallet,
        "parse_income",
        milliseconds("time"),
        lambda raw, row: row,
        required=INCOME_FIELDS,
        documented=pages.INCOME[wallet],
        retention=_RETENTION.get(wallet),
        kept=_KEPT.get(wallet),
        category=_CATEGORIES[wallet],
        incomeType="FUNDING_FEE",
    )


def _capital_flow(raw: Raw, row: Row) -> Row:
    return row | {
        "class": ledger_class(raw["type"], CLASSES),
        "kind": raw["type"],
        "asset": raw["asset"],
        "entry_id": str(raw["id"]),
        "amount": number(raw["amount"]),
        "reference_id": str(raw["tranId"]),
    }
