"""The component behind an account's `defs.yaml`."""

from datetime import date
from pathlib import Path
from typing import Annotated, Any

import dagster as dg

from alphapulse_pipeline.components.checks import account_checks
from alphapulse_pipeline.components.histories import history_asset
from alphapulse_pipeline.components.jobs import account_jobs
from alphapulse_pipeline.components.postgres import IO_MANAGERS
from alphapulse_pipeline.components.resources import account_resource
from alphapulse_pipeline.components.scaffolder import AccountScaffolder
from alphapulse_pipeline.components.schedules import account_schedules
from alphapulse_pipeline.components.settings_component import SettingsComponent
from alphapulse_pipeline.components.snapshots import snapshot_assets
from alphapulse_pipeline.datasets import HISTORIES, SNAPSHOTS
from alphapulse_pipeline.settings.accounts import Account, AccountSettings, check_account_name
from alphapulse_pipeline.settings.component_file import FILE
from alphapulse_pipeline.sync.session import supported


def _date(context: dg.ResolutionContext, value: Any) -> Any:
    """Dagster cannot resolve a `date` by itself; pydantic parses it."""
    return context.resolve_value(value)


@dg.scaffold_with(AccountScaffolder)
class ExchangeAccount(SettingsComponent, AccountSettings):
    """An exchange account: its snapshots, histories, checks, jobs and schedules.

    The account's name is its folder's name. Credentials come from the environment:
    `<ACCOUNT>_API_KEY`, `<ACCOUNT>_API_SECRET` and, if the exchange uses one,
    `<ACCOUNT>_API_PASSWORD`.
    """

    history_start: Annotated[
        date,
        dg.Resolver(_date, model_field_type=str | date),
        AccountSettings.model_fields["history_start"],
    ]

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        name = Path(context.path).name
        check_account_name(name)
        return account_definitions(Account(name, self, Path(context.path) / FILE))


def account_definitions(account: Account) -> dg.Definitions:
    """All definitions of one account."""
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
        resources={account.name: account_resource(account), **IO_MANAGERS},
    )
