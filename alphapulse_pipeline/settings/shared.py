"""Settings of what all accounts share: the `attributes` of `defs/shared/defs.yaml`."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from alphapulse_pipeline.settings import component_file


class SharedSettings(BaseModel):
    """Which sensors run. The component's attributes are these fields."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    alerts: bool = Field(
        True, description="Alert when runs or checks of accounts start to fail, and recover."
    )
    event_log_retention: bool = Field(
        False,
        description="Delete old events of every run from Dagster's event log, if it is in the same "
        "database.",
    )


def read_shared(path: Path) -> SharedSettings | None:
    """A file's settings, or None if it belongs to a different component. Raises `SettingsError`."""
    file = component_file.read(path)
    return file.attributes(SharedSettings) if file.kind == component_file.SHARED else None
