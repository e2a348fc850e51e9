"""The runs that `alphapulse up` starts at once."""

from collections.abc import Mapping
from datetime import date
from pathlib import Path

import pytest

from alphapulse_pipeline.cli import deployment
from alphapulse_pipeline.cli.workspace import Workspace
from alphapulse_pipeline.settings.accounts import Account, AccountSettings
from alphapulse_pipeline.settings.environment import POSTGRES_URL
from alphapulse_pipeline.settings.portfolio import PortfolioSettings


class Recorder:
    """Instead of the client of a running web UI."""

    def __init__(self, host: str, port_number: int) -> None:
        pass

    def submit_job_execution(self, job: str, tags: Mapping[str, str]) -> None:
        pass


def test_the_snapshots_of_all_accounts_come_before_any_history(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(POSTGRES_URL, database)
    monkeypatch.setattr(deployment, "DagsterGraphQLClient", Recorder)
    accounts = []
    for name in ("a", "b", "without_a_key"):
        settings = AccountSettings(exchange="bybit", history_start=date(2026, 9, 1))
        accounts.append(Account(name, settings))
    for account in accounts[:2]:
        monkeypatch.setenv(account.environment.api_key, "key")
        monkeypatch.setenv(account.environment.api_secret, "secret")
    place = Workspace(
        accounts, {}, PortfolioSettings(), database, demo=False, home=Path(), embedded=False
    )
    assert list(deployment.first_runs(place, "127.0.0.1", 3000)) == [
        *("a_snapshot", "b_snapshot"),
        *("a_history", "b_history"),
        *("a_catch_up", "b_catch_up"),
    ]
