"""The IO manager of our assets, under a key of its own: `io_manager` belongs to the project."""

from alphapulse_pipeline.warehouse.io_manager import PostgresIOManager

IO_MANAGER = "alphapulse_postgres"
IO_MANAGERS = {IO_MANAGER: PostgresIOManager()}
"""Every component brings it. Dagster merges equal resource keys only if they are one object."""
