"""The component behind an account's `defs.yaml`."""

from datetime import date
from pathlib import Path
from typing import Annotated, Any

import dagster as dg
from pydantic import Field

from alphapulse_pipeline.components.checks import account_checks
from alphapulse_pipeline.components.histories import history_asset
from alphapulse_pipeline.components.jobs import account_jobs
from alphapulse_pipeline.components.resources import account_resource
from alphapulse_pipeline.components.schedules import account_schedules
from alphapulse_pipeline.components.snapshots import snapshot_assets
from alphapulse_pipeline.datasets import HISTORIES, SNAPSHOTS
from alphapulse_pipeline.settings.accounts import Account, AccountSettings, check_account_name
from alphapulse_pipeline.sync.session import supported


def _date(context: dg.ResolutionContext, value: Any) -> date:
    return value if isinstance(value, date) else date.fromisoformat(str(value))


class ExchangeAccount(dg.Component, dg.Model, dg.Resolvable):
    """An exchange account: its snapshots, histories, checks, jobs and schedules.

    The account's name is the folder's. Credentials come from the environment:
    `<ACCOUNT>_API_KEY`, `<ACCOUNT>_API_SECRET` and, where the exchange wants one,
    `<ACCOUNT>_API_PASSWORD`.
    """

    exchange: Annotated[str, Field(description="A ccxt exchange id, e.g. bybit.")]
    history_start: Annotated[
        date,
        dg.Resolver(_date, model_field_type=str | date),
        Field(description="The first day of the histories: a fixed date."),
    ]
    snapshot_cron: Annotated[str, Field(description="When snapshots are taken (UTC).")] = (
        "*/5 * * * *"
    )
    history_cron: Annotated[str, Field(description="When histories are synced (UTC).")] = (
        "*/15 * * * *"
    )
    datasets: Annotated[
        list[str] | None, Field(description="Default: all that the exchange has.")
    ] = None
    options: Annotated[
        dict[str, Any], Field(description="Passed to ccxt, e.g. {recvWindow: 60000}.")
    ] = {}  # noqa: RUF012  pydantic copies it
    allow_trading_keys: Annotated[bool, Field(description="Accept a key that may trade.")] = False

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        name = Path(context.path).name
        check_account_name(name)
        return account_definitions(Account(name, AccountSettings.model_validate(self.model_dump())))


def account_definitions(account: Account) -> dg.Definitions:
    """All that one account brings into the deployment."""
    datasets = supported(account)
    snapshots = [d for d in SNAPSHOTS if d in datasets]
    histories = [d for d in HISTORIES if d in datasets]
    jobs = account_jobs(account, snapshots, histories)
    return dg.Definitions(
        assets=[
            *([snapshot_assets(account, snapshots)] if snapshots else []),
            *(history_asset(account, dataset) for dataset in histories),
        ],
        asset_checks=account_checks(account, snapshots, histories),
        jobs=list(jobs.values()),
        schedules=account_schedules(account, jobs),
        resources={account.name: account_resource(account)},
    )
