"""The component behind `defs/shared/defs.yaml`: what does not belong to a single account."""

from pathlib import Path

import dagster as dg

from alphapulse_pipeline.components.alerts import check_failure_alerts, run_failure_alerts
from alphapulse_pipeline.components.postgres import IO_MANAGERS
from alphapulse_pipeline.components.retention import event_log_retention
from alphapulse_pipeline.components.settings_component import SettingsComponent
from alphapulse_pipeline.settings.shared import SharedSettings


class SharedDefinitions(SettingsComponent, SharedSettings):
    """What all accounts share: the IO manager, the alert sensors, and the event log's retention."""

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        return shared_definitions(Path(context.path).parent, self)


def shared_definitions(folder: Path, settings: SharedSettings) -> dg.Definitions:
    """The shared definitions of the accounts in `folder`."""
    sensors: list[dg.SensorDefinition] = []
    if settings.alerts:
        sensors += [run_failure_alerts, check_failure_alerts(folder)]
    if settings.event_log_retention:
        sensors.append(event_log_retention)
    return dg.Definitions(sensors=sensors, resources=IO_MANAGERS)
