"""The asset of a dataset, with its table's name, columns and column lineage for the UI."""

from typing import Any

import dagster as dg

from alphapulse_pipeline.datasets import DATASETS, SCHEMA
from alphapulse_pipeline.settings.accounts import Account

OWNER = "team:alphapulse"


def asset_spec(account: Account, dataset: str, **more: Any) -> dg.AssetSpec:
    """The asset of one dataset of one account: `[account, dataset]`."""
    return dg.AssetSpec(
        [account.name, dataset],
        description=DATASETS[dataset].description,
        group_name=account.name,
        owners=list(DATASETS[dataset].owners),
        kinds={account.settings.exchange, *DATASETS[dataset].kinds},
        metadata={
            "dagster/table_name": f"{SCHEMA}.{dataset}",
            "dagster/column_schema": _column_schema(dataset),
            **(
                {"dagster/column_lineage": lineage}
                if (lineage := _column_lineage(account, dataset))
                else {}
            ),
        },
        **more,
    )


def _column_schema(dataset: str) -> dg.TableSchema:
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                column.name,
                type=column.type.value,
                description=column.comment,
                constraints=dg.TableColumnConstraints(
                    nullable=column.nullable, other=["key"] if column.key else []
                ),
            )
            for column in DATASETS[dataset].columns
        ]
    )


def _column_lineage(account: Account, dataset: str) -> dg.TableColumnLineage | None:
    if not (columns := DATASETS[dataset].lineage):
        return None
    return dg.TableColumnLineage(
        {
            column: [
                dg.TableColumnDep(dg.AssetKey([account.name, source]), name)
                for source, name in sources
                if account.settings.wants(source)
            ]
            for column, sources in columns.items()
        }
    )
