"""The snapshot assets of an account: one step, in which each dataset can fail by itself."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise

import dagster as dg
from cronsim import CronSim

from alphapulse_pipeline.components.postgres import IO_MANAGER
from alphapulse_pipeline.components.resources import session_of
from alphapulse_pipeline.components.tables import asset_spec
from alphapulse_pipeline.datasets import SNAPSHOTS
from alphapulse_pipeline.exchange.errors import ExchangeFailure
from alphapulse_pipeline.settings.accounts import Account
from alphapulse_pipeline.settings.redaction import redact, without_secrets
from alphapulse_pipeline.sync.snapshots import snapshot


def snapshot_assets(account: Account, datasets: Sequence[str]) -> dg.AssetsDefinition:
    """The datasets of a snapshot, each after those that it is computed from."""
    freshness = dg.FreshnessPolicy.time_window(fail_window=allowed_age(account))
    sources = {
        dataset: {name for origins in SNAPSHOTS[dataset].lineage.values() for name, _ in origins}
        for dataset in datasets
    }

    @dg.multi_asset(
        name=f"{account.name}_snapshots",
        outs={
            dataset: dg.AssetOut.from_spec(
                asset_spec(account, dataset, freshness_policy=freshness),
                is_required=False,
                io_manager_key=IO_MANAGER,
            )
            for dataset in datasets
        },
        internal_asset_deps={
            dataset: {dg.AssetKey([account.name, d]) for d in datasets if d in sources[dataset]}
            for dataset in datasets
        },
        can_subset=True,
        required_resource_keys={account.name},
        pool=account.name,
    )
    def snapshots(context: dg.AssetExecutionContext) -> Iterator[dg.Output[object]]:
        session = session_of(context, account)
        failures: list[str] = []
        bug: Exception | None = None
        for dataset in datasets:
            if dg.AssetKey([account.name, dataset]) not in context.selected_asset_keys:
                continue
            try:
                taken = snapshot(session, dataset)
            except ExchangeFailure as failure:
                failures.append(f"{account.name}/{dataset}: {failure}")
                context.log.error(failures[-1])
            except Exception as error:  # noqa: BLE001  raised below, after the other datasets
                without_secrets(error)
                failures.append(f"{account.name}/{dataset}: {redact(str(error))}")
                bug = bug or error
            else:
                yield dg.Output(taken, dataset)
        if failures:
            raise dg.Failure("\n".join(failures), allow_retries=False) from bug

    return snapshots


def allowed_age(account: Account) -> timedelta:
    """How old the latest snapshot may be: two ticks of its schedule and one minute."""
    return 2 * longest_interval(account.settings.snapshot_cron) + timedelta(minutes=1)


def longest_interval(cron: str) -> timedelta:
    """The longest time between two of a schedule's next ticks."""
    ticks = list(islice(CronSim(cron, datetime.now(UTC)), 8))
    return max(after - before for before, after in pairwise(ticks))
