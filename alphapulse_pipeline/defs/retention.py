"""Retention of Dagster's event log."""

import dagster as dg

from alphapulse_pipeline.components.retention import event_log_retention


@dg.definitions
def retention() -> dg.Definitions:
    return dg.Definitions(sensors=[event_log_retention])
