"""The sensor that limits the size of Dagster's event log."""

from datetime import UTC, datetime

import dagster as dg

from alphapulse_pipeline.health.event_log import OTHERS, SUCCESSFUL, Removed, prune
from alphapulse_pipeline.settings.environment import postgres_url
from alphapulse_pipeline.settings.errors import SettingsError

_INTERVAL_SECONDS = 3600
_SECONDS = 20
"""Longest time of a tick: Dagster aborts one after a minute."""


@dg.sensor(
    minimum_interval_seconds=_INTERVAL_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description=(
        f"Deletes events of successful runs after {SUCCESSFUL.days} days and of failed or canceled "
        f"runs after {OTHERS.days} days. Keeps the latest materializations, the state of every "
        "partition and the latest result of every check."
    ),
)
def event_log_retention() -> dg.SkipReason:
    """Never starts a run: the skip reason is a summary of what was deleted."""
    try:
        removed = prune(postgres_url(), datetime.now(UTC), _SECONDS)
    except SettingsError as error:
        return dg.SkipReason(str(error))
    return dg.SkipReason(summary(removed))


def summary(removed: Removed | None) -> str:
    """What a tick deleted, in one sentence."""
    if removed is None:
        return "another process is deleting old events"
    counts = {
        "events": removed.events,
        "runs": removed.runs,
        "check results": removed.checks,
        "backfills": removed.backfills,
        "automation evaluations": removed.evaluations,
    }
    parts = [
        f"{count:,} {what if count > 1 else what[:-1]}".replace(",", " ")
        for what, count in counts.items()
        if count
    ]
    if not parts:
        return "nothing to delete"
    rest = "" if removed.complete else "; the next tick continues"
    return f"deleted {', '.join(parts)}{rest}"
