"""All tables of the schema `alphapulse`: the datasets, the markets and the operational tables."""

from typing import TYPE_CHECKING, Any

from alphapulse_pipeline.datasets import DATASETS, SCHEMA, Table, Type
from alphapulse_pipeline.datasets.table import IDENTITY
from alphapulse_pipeline.warehouse import bookkeeping
from alphapulse_pipeline.warehouse.stored_markets import MARKETS

if TYPE_CHECKING:
    import sqlalchemy as sa


def all_tables() -> list[Table]:
    """By name."""
    tables = [*DATASETS.values(), MARKETS, *bookkeeping.TABLES]
    return sorted(tables, key=lambda table: table.name)


def metadata() -> "sa.MetaData":
    """The tables as SQLAlchemy knows them, which creates and compares them."""
    import sqlalchemy as sa  # a quarter of a second, which only a migration needs

    found = sa.MetaData(schema=SCHEMA)
    for table in all_tables():
        _add(found, table)
    return found


def _add(metadata: "sa.MetaData", table: Table) -> None:
    import sqlalchemy as sa

    columns = [
        sa.Column(
            column.name,
            _type(column.type),
            *([sa.Identity(always=True)] if column.default == IDENTITY else ()),
            primary_key=column.key,
            nullable=column.nullable,
            server_default=(
                sa.text(column.default) if column.default not in (None, IDENTITY) else None
            ),
            comment=column.comment,
        )
        for column in table.columns
    ]
    indexes = [
        sa.Index(
            index.name,
            *map(sa.text, index.columns),
            postgresql_where=sa.text(index.where) if index.where else None,
        )
        for index in table.indexes
    ]
    sa.Table(table.name, metadata, *columns, *indexes, comment=table.comment)


def _type(type_: Type) -> Any:
    import sqlalchemy as sa
    from sqlalchemy.dialects import postgresql

    match type_:
        case Type.TEXT:
            return sa.Text()
        case Type.NUMERIC:
            return sa.Numeric()
        case Type.TIMESTAMP:
            return postgresql.TIMESTAMP(timezone=True)
        case Type.BOOLEAN:
            return sa.Boolean()
        case Type.JSON:
            return postgresql.JSONB()
        case Type.INTEGER:
            return sa.Integer()
        case Type.BIGINT:
            return sa.BigInteger()
        case Type.INTERVAL:
            return sa.Interval()
        case Type.TEXT_ARRAY:
            return postgresql.ARRAY(sa.Text())
        case Type.RANGE:
            return postgresql.TSTZRANGE()
        case Type.MULTIRANGE:
            return postgresql.TSTZMULTIRANGE()
