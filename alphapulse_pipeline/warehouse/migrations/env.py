"""Alembic's entry point. Its connection is handed over by `warehouse.schema`."""

from alembic import context

from alphapulse_pipeline.datasets import SCHEMA
from alphapulse_pipeline.warehouse.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata(),
    version_table_schema=SCHEMA,
    include_schemas=True,
    include_name=lambda name, kind, _parents: kind != "schema" or name == SCHEMA,
    transaction_per_migration=False,
)
with context.begin_transaction():
    context.run_migrations()
