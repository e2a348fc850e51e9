"""Resources and settings that every account shares."""

import dagster as dg

from alphapulse_pipeline.warehouse.io_manager import PostgresIOManager


@dg.definitions
def resources() -> dg.Definitions:
    return dg.Definitions(
        resources={"io_manager": PostgresIOManager()},
        # A run is one account and one client: a process per step would cost seconds each.
        executor=dg.in_process_executor,
    )
