"""An account on the simulated exchanges, by the system's clock."""

from collections.abc import Callable, Iterator
from datetime import date

import pytest

from alphapulse_pipeline.settings.accounts import Account, AccountSettings
from exchange_simulator import (
    DEMO_KEY,
    DEMO_PASSPHRASE,
    DEMO_SECRET,
    Simulator,
    Timing,
    World,
    serve,
)

Open = Callable[..., Account]


@pytest.fixture(scope="session")
def served(world: World) -> Iterator[Simulator]:
    with serve(world, limits=False) as simulator:
        yield simulator


@pytest.fixture
def simulator(served: Simulator) -> Iterator[Simulator]:
    yield served
    served.set_faults()
    served.set_timing(Timing())


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Open:
    """Makes the account `savings` with credentials for a server."""

    def make(url: str, exchange: str, **options: object) -> Account:
        values = {
            "exchange": exchange,
            "history_start": date(2026, 9, 1),
            "options": options,
            "allow_unknown_rights": True,
        }
        found = Account("savings", AccountSettings.model_validate(values))
        names = found.environment
        monkeypatch.setenv(names.api_key, DEMO_KEY)
        monkeypatch.setenv(names.api_secret, DEMO_SECRET)
        monkeypatch.setenv(names.api_password, DEMO_PASSPHRASE)
        monkeypatch.setenv(names.api_url, url)
        return found

    return make
