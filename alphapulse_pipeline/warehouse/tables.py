"""All tables of the schema `alphapulse` in SQLAlchemy, to create and to compare them."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP

from alphapulse_pipeline.datasets import DATASETS, Table, Type
from alphapulse_pipeline.warehouse import bookkeeping  # noqa: F401  registers its tables
from alphapulse_pipeline.warehouse.columns import metadata
from alphapulse_pipeline.warehouse.stored_markets import MARKETS

_TYPES: dict[Type, Any] = {
    Type.TEXT: sa.Text(),
    Type.NUMERIC: sa.Numeric(),
    Type.TIMESTAMP: TIMESTAMP(timezone=True),
    Type.BOOLEAN: sa.Boolean(),
    Type.JSON: JSONB(),
}


def add_table(table: Table) -> sa.Table:
    """Declare a table, with its indexes, in `metadata`."""
    columns = [
        sa.Column(
            column.name,
            _TYPES[column.type],
            primary_key=column.key,
            nullable=column.nullable,
            server_default=sa.text(column.default) if column.default else None,
            comment=column.comment,
        )
        for column in table.columns
    ]
    indexes = [
        sa.Index(
            index.name,
            *index.columns,
            postgresql_where=sa.text(index.where) if index.where else None,
        )
        for index in table.indexes
    ]
    return sa.Table(table.name, metadata, *columns, *indexes, comment=table.comment)


for _table in (*DATASETS.values(), MARKETS):
    add_table(_table)

__all__ = ["add_table", "metadata"]
