"""The component behind `defs/portfolio/defs.yaml`: one asset per derived table or view."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import dagster as dg
import psycopg
from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.components.jobs import ACCOUNT
from alphapulse_pipeline.components.portfolio_checks import CHECKS
from alphapulse_pipeline.components.postgres import IO_MANAGER, IO_MANAGERS
from alphapulse_pipeline.components.settings_component import SettingsComponent
from alphapulse_pipeline.components.tables import OWNER
from alphapulse_pipeline.components.time_limits import LONGEST, max_runtime, process_ends_in_time
from alphapulse_pipeline.datasets import SNAPSHOTS
from alphapulse_pipeline.portfolio import drawing, prices, realized_pnl
from alphapulse_pipeline.portfolio.derived import Derived, Figures, View
from alphapulse_pipeline.portfolio.tables import DERIVED, VIEWS
from alphapulse_pipeline.settings.accounts import Account
from alphapulse_pipeline.settings.environment import postgres_url
from alphapulse_pipeline.settings.errors import UserError
from alphapulse_pipeline.settings.portfolio import PortfolioSettings
from alphapulse_pipeline.sync.deployment import usable_deployment
from alphapulse_pipeline.sync.session import supported
from alphapulse_pipeline.warehouse import progress
from alphapulse_pipeline.warehouse.connection import account_lock, connect, database_failure
from alphapulse_pipeline.warehouse.io_manager import table
from alphapulse_pipeline.warehouse.preview import cells
from alphapulse_pipeline.warehouse.schema import require_current

PORTFOLIO = "portfolio"
"""The asset group, key prefix, pool, and the lock that its runs hold."""
_TABLES = dg.AssetSelection.groups(PORTFOLIO).materializable()
_EVERY = 30
_LONGEST_WAIT = "*/10 * * * *"
_READ_ALL = (realized_pnl.NAME, prices.NAME)
"""The tables that between them read every dataset that any table reads."""


def _number(context: dg.ResolutionContext, value: Any) -> Any:
    """Dagster cannot resolve a `Decimal` by itself; pydantic parses it."""
    return context.resolve_value(value)


class Portfolio(SettingsComponent, PortfolioSettings):
    """The value and profit of all accounts together, and whether their balances reconcile."""

    price_tolerance: Annotated[
        Decimal,
        dg.Resolver(_number, model_field_type=int | float),
        PortfolioSettings.model_fields["price_tolerance"],
    ]

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        accounts = usable_deployment(Path(context.path).parent).accounts
        return portfolio_definitions(accounts, self)


def portfolio_definitions(accounts: list[Account], settings: PortfolioSettings) -> dg.Definitions:
    """The derived assets of these accounts, their job, and the sensor that refreshes them."""
    return dg.Definitions(
        assets=[
            *(_asset(derived, accounts, settings) for derived in DERIVED),
            *(_view(view, accounts) for view in VIEWS),
        ],
        jobs=[
            dg.define_asset_job(
                PORTFOLIO,
                selection=_TABLES,
                description="Refreshes all derived tables.",
                tags={ACCOUNT: PORTFOLIO, **max_runtime(LONGEST)},
                executor_def=dg.in_process_executor,
            )
        ],
        sensors=[
            dg.AutomationConditionSensorDefinition(
                "portfolio_refresh",
                target=_TABLES,
                default_status=dg.DefaultSensorStatus.RUNNING,
                minimum_interval_seconds=_EVERY,
                run_tags={ACCOUNT: PORTFOLIO, **max_runtime(LONGEST)},
                description="Refreshes derived tables when their sources change.",
            )
        ],
        resources=IO_MANAGERS,
    )


def _asset(
    derived: Derived, accounts: list[Account], settings: PortfolioSettings
) -> dg.AssetsDefinition:
    sources = _sources(derived, accounts)
    key = dg.AssetKey([PORTFOLIO, derived.name])
    checks = [check for check in CHECKS if check.table == derived.name]

    @dg.asset(
        key=key,
        deps=[key for keys in sources.values() for key in keys],
        description=derived.description,
        group_name=PORTFOLIO,
        owners=[OWNER],
        kinds={"postgres", "sql"},
        metadata={
            "dagster/table_name": f"{PORTFOLIO}.{derived.name}",
            "dagster/column_lineage": _lineage(derived, sources),
        },
        check_specs=[check.spec(key) for check in checks],
        automation_condition=_when_sources_change(accounts),
        pool=PORTFOLIO,
        io_manager_key=IO_MANAGER,
    )
    # Dagster does not export the type parameter
    def table(context: dg.AssetExecutionContext) -> dg.MaterializeResult:  # type: ignore[type-arg]
        with (
            process_ends_in_time(context.run.tags),
            _connected() as connection,
            account_lock(connection, PORTFOLIO),
        ):
            progress.report(progress.Progress(PORTFOLIO, derived.name))
            figures = derived.refresh(connection, settings)
            metadata = _metadata(connection, derived, figures, settings.currency)
            found = [check.result(connection, key) for check in checks]
            progress.report(progress.Progress(PORTFOLIO, derived.name, status="completed"))
            return dg.MaterializeResult(metadata=metadata, check_results=found)

    return table


def _view(view: View, accounts: list[Account]) -> dg.AssetSpec:
    """A virtual asset: the UI shows its lineage, and it is as fresh as what it reads."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.PreviewWarning)
        spec = dg.AssetSpec(
            [PORTFOLIO, view.name],
            deps=[key for keys in _sources(view, accounts).values() for key in keys],
            description=view.description,
            group_name=PORTFOLIO,
            owners=[OWNER],
            kinds={"postgres", "view"},
            metadata={"dagster/table_name": f"{PORTFOLIO}.{view.name}"},
            is_virtual=True,
        )
        return spec.with_io_manager_key(IO_MANAGER)


def _sources(of: Derived | View, accounts: list[Account]) -> dict[str, list[dg.AssetKey]]:
    """Dataset or derived table -> the assets that it is read from."""
    return {
        dataset: [dg.AssetKey([a.name, dataset]) for a in accounts if dataset in supported(a)]
        for dataset in of.datasets
    } | {name: [dg.AssetKey([PORTFOLIO, name])] for name in of.follows}


def _when_sources_change(accounts: list[Account]) -> dg.AutomationCondition[Any]:
    """Once after the last dataset of a run of histories, and at once after a snapshot.

    While histories are read without a pause, every `_LONGEST_WAIT`. What changes after a refresh
    was requested is refreshed again: it may have come too late. So only a request ends the wait,
    not the refresh itself, as in Dagster's `since_last_handled`.
    """
    condition = dg.AutomationCondition
    begun = condition.initial_evaluation()

    def pending(trigger: dg.AutomationCondition[Any]) -> dg.AutomationCondition[Any]:
        return trigger.since((condition.newly_requested() & ~trigger) | begun)

    def of_all(state: dg.AutomationCondition[Any]) -> dg.AutomationCondition[Any]:
        """All tables wait for the same, so that they are refreshed by one run."""
        matches = [condition.asset_matches(dg.AssetKey([PORTFOLIO, n]), state) for n in _READ_ALL]
        return matches[0] | matches[1]

    snapshots = [dg.AssetKey([a.name, d]) for a in accounts for d in SNAPSHOTS if d in supported(a)]
    taken = condition.any_deps_updated().allow(dg.AssetSelection.assets(*snapshots))
    read = ~of_all(condition.any_deps_in_progress())
    now = read | of_all(pending(taken)) | condition.cron_tick_passed(_LONGEST_WAIT)
    news = condition.any_deps_updated() | condition.newly_missing()
    return pending(news) & now & ~condition.in_progress()


def _lineage(derived: Derived, sources: dict[str, list[dg.AssetKey]]) -> dg.TableColumnLineage:
    return dg.TableColumnLineage(
        {
            column: [
                dg.TableColumnDep(key, source_column)
                for source, source_column in origins
                for key in sources[source]
            ]
            for column, origins in derived.lineage.items()
        }
    )


@contextmanager
def _connected() -> Iterator[Connection[TupleRow]]:
    try:
        with connect(postgres_url()) as connection:
            require_current(connection)
            yield connection
    except UserError as error:
        raise dg.Failure(str(error), allow_retries=False) from None
    except psycopg.OperationalError as error:
        raise dg.Failure(str(database_failure(error)), allow_retries=False) from None


def _metadata(
    connection: Connection[TupleRow], derived: Derived, figures: Figures, currency: str
) -> dict[str, Any]:
    """Column schema, row count, preview, chart, and what the refresh reported."""
    found: dict[str, Any] = {
        "dagster/column_schema": _columns(connection, derived.name),
        "dagster/row_count": _count(connection, derived.stored or derived.name),
    }
    if derived.preview:
        cursor = connection.execute(derived.preview)
        names = [column.name for column in cursor.description or ()]
        found["preview"] = table(cells(names, cursor.fetchall()))
    spec = derived.picture and derived.picture(connection, currency)
    if spec and (image := drawing.markdown(spec)):
        found["picture"] = dg.MetadataValue.md(image)
    # Dagster only plots floats; the exact number is in the table
    return found | {
        name: float(value) if isinstance(value, Decimal) else value
        for name, value in figures.items()
    }


def _columns(connection: Connection[TupleRow], table: str) -> dg.TableSchema:
    rows = connection.execute(
        "SELECT attname, format_type(atttypid, atttypmod), attnotnull,"
        " col_description(attrelid, attnum)"
        " FROM pg_attribute WHERE attrelid = format('%%I.%%I', %s::text, %s::text)::regclass"
        " AND attnum > 0 AND NOT attisdropped ORDER BY attnum",
        [PORTFOLIO, table],
    ).fetchall()
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                name,
                type=kind,
                description=comment,
                constraints=dg.TableColumnConstraints(nullable=not needed),
            )
            for name, kind, needed, comment in rows
        ]
    )


def _count(connection: Connection[TupleRow], table: str) -> int:
    """From the planner's statistics if the table is large: an exact count reads every row."""
    row = connection.execute(
        "SELECT CASE WHEN reltuples < 100000 THEN NULL ELSE reltuples::bigint END"
        " FROM pg_class WHERE oid = format('%%I.%%I', %s::text, %s::text)::regclass",
        [PORTFOLIO, table],
    ).fetchone()
    if row and row[0] is not None:
        return int(row[0])
    counted = connection.execute(f"SELECT count(*) FROM {PORTFOLIO}.{table}".encode()).fetchone()
    return int(counted[0]) if counted else 0
