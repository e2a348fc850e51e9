"""A new value of an exchange is kept, and reported once."""

import logging
from collections.abc import Callable

import pytest

from alphapulse_pipeline.exchange import new_values
from alphapulse_pipeline.exchange.new_values import meaning
from alphapulse_pipeline.exchange.venues.binance import common as binance
from alphapulse_pipeline.exchange.venues.binance import transfers as binance_transfers
from alphapulse_pipeline.exchange.venues.kraken.account import book_of
from alphapulse_pipeline.exchange.venues.ledger_classes import ledger_class
from alphapulse_pipeline.exchange.venues.okx import trading as okx

KINDS = {"Trade": "trade", "AdlTrade": "adl"}


@pytest.fixture(autouse=True)
def nothing_reported_yet() -> None:
    new_values.report.cache_clear()


def test_a_listed_value_is_not_reported(caplog: pytest.LogCaptureFixture) -> None:
    assert meaning("execType", "AdlTrade", KINDS, "trade") == "adl"
    assert meaning("execType", "", KINDS, "trade") == "trade"
    assert caplog.records == []


@pytest.mark.parametrize(
    ("kept", "words", "read"),
    [
        ("unknown", "order status, 'PAUSED'", lambda: binance.status("PAUSED", "PAUSED")),
        (
            "3",
            "deposit status, '3'",
            lambda: binance_transfers._deposit({"status": 3}, {"status": "3"})["status"],
        ),
        (
            "trade",
            "type of fill (subType), '999'",
            lambda: okx._fill(
                {"subType": "999", "billId": "1"}, {"taker_or_maker": "", "market": "BTC/USDT"}
            )["kind"],
        ),
        (("spot", "BTC.Q"), "suffix of an asset, 'Q'", lambda: book_of("BTC.Q")),
    ],
)
def test_venues_keep_and_report_new_values(
    kept: object, words: str, read: Callable[[], object], caplog: pytest.LogCaptureFixture
) -> None:
    assert [read(), read()] == [kept, kept]
    [reported] = [record.getMessage() for record in caplog.records]
    assert words in reported


def test_a_new_value_is_reported_once(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            assert meaning("execType", "Gift", KINDS, "trade") == "trade"
            assert ledger_class("GIFT", {}) == "other"
            assert ledger_class("MARGIN_BORROW", {}) == "loan"
    reported = [record.getMessage() for record in caplog.records]
    assert len(reported) == 3
    assert "'Gift'" in reported[0]
    assert "an unknown kind of ledger entry, 'GIFT'; it is stored as 'other'" in reported[1]
