"""Binance accounts that lack wallets, as the doctor sees them."""

from datetime import UTC, datetime, timedelta

import pytest

from alphapulse_pipeline.health.doctor.result import Status
from alphapulse_pipeline_tests.health.doctor.conftest import At, by_status, examined, serving
from exchange_simulator import World
from exchange_simulator.layout import BINANCE_ACCOUNTS


@pytest.mark.parametrize("kind", BINANCE_ACCOUNTS)
def test_an_account_that_lacks_wallets_is_fine(kind: str, at: At) -> None:
    genesis = datetime.now(UTC) - timedelta(days=3)
    with serving(World(genesis=genesis, layout=BINANCE_ACCOUNTS[kind])) as url:
        found = examined(at(url, "binance"))
    assert by_status(found, Status.FAILED) == [], found
    assert by_status(found, Status.WARNING) == []
