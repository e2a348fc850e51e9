"""What the UI shows of a table: its name, columns with database types, and their origins."""

from typing import Any

import dagster as dg

from alphapulse_pipeline.settings.accounts import Account
from alphapulse_pipeline.warehouse.columns import SCHEMA
from alphapulse_pipeline.warehouse.tables import DATASETS, database_type

OWNER = "team:alphapulse"

_DESCRIPTIONS = {
    "balances": "What is in each wallet now, per asset. What a snapshot does not name is zero.",
    "positions": "Open positions on derivatives. What a snapshot does not name is closed.",
    "prices": "Prices of the markets of what balances and positions name, in the same run.",
    "orders": (
        "Every order in its last known state; open ones are refreshed in every run. "
        "By day of `created_at`."
    ),
    "trades": (
        "Every fill, once: trades, liquidations, ADL and settlements. By day of `executed_at`."
    ),
    "transfers": (
        "Deposits, withdrawals and transfers between own wallets, in their last known state. "
        "By day of `happened_at`."
    ),
    "funding": (
        "Funding payments of perpetual positions: received is positive, paid is negative. "
        "By day of `happened_at`."
    ),
    "ledger": (
        "What the exchange itself booked, entry by entry: the explanation of every balance. "
        "By day of `happened_at`."
    ),
}
# Which columns decide the rows of a table that is made from others.
_LINEAGE = {
    "prices": {"market": (("balances", "asset"), ("positions", "market"))},
}


def asset_spec(account: Account, dataset: str, **more: Any) -> dg.AssetSpec:
    """The asset of one dataset of one account: `[account, dataset]`."""
    return dg.AssetSpec(
        [account.name, dataset],
        description=_DESCRIPTIONS[dataset],
        group_name=account.name,
        owners=[OWNER],
        kinds={account.settings.exchange, "postgres"},
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
    table = DATASETS[dataset].table
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                column.name,
                type=database_type(column),
                description=column.comment,
                constraints=dg.TableColumnConstraints(
                    nullable=bool(column.nullable), other=["key"] if column.primary_key else []
                ),
            )
            for column in table.columns
        ]
    )


def _column_lineage(account: Account, dataset: str) -> dg.TableColumnLineage | None:
    if not (columns := _LINEAGE.get(dataset)):
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
