"""A new value of an exchange is kept, and reported once."""

import logging

import pytest

from alphapulse_pipeline.exchange import new_values
from alphapulse_pipeline.exchange.new_values import meaning
from alphapulse_pipeline.exchange.venues.ledger_classes import ledger_class

KINDS = {"Trade": "trade", "AdlTrade": "adl"}


@pytest.fixture(autouse=True)
def nothing_reported_yet() -> None:
    new_values.report.cache_clear()


def test_a_listed_value_is_not_reported(caplog: pytest.LogCaptureFixture) -> None:
    assert meaning("execType", "AdlTrade", KINDS, "trade") == "adl"
    assert meaning("execType", "", KINDS, "trade") == "trade"
    assert caplog.records == []


def test_a_new_value_is_reported_once(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            assert meaning("execType", "Gift", KINDS, "trade") == "trade"
            assert ledger_class("GIFT", {}) == "other"
            assert ledger_class("MARGIN_BORROW", {}) == "loan"
    reported = [record.getMessage() for record in caplog.records]
    assert len(reported) == 3
    assert "'Gift'" in reported[0]
    assert "kind of ledger entry, 'GIFT', kept as 'other'" in reported[1]
