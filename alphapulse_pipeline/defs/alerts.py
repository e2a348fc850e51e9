"""Alert sensors."""

import dagster as dg

from alphapulse_pipeline.components.alerts import check_failure_alerts, run_failure_alerts


@dg.definitions
def alerts() -> dg.Definitions:
    return dg.Definitions(sensors=[run_failure_alerts, check_failure_alerts])
