"""The I/O manager and executor that all accounts share."""

import dagster as dg

from alphapulse_pipeline.warehouse.io_manager import PostgresIOManager


@dg.definitions
def resources() -> dg.Definitions:
    return dg.Definitions(
        resources={"io_manager": PostgresIOManager()},
        # A run has one account and one client: a process for each step would cost seconds.
        executor=dg.in_process_executor,
    )
