"""The sensor that keeps Dagster's event log bounded."""

from datetime import UTC, datetime

import dagster as dg

from alphapulse_pipeline.health.event_log import OTHERS, SUCCESSFUL, Removed, prune
from alphapulse_pipeline.settings.environment import postgres_url

_EVERY = 3600
_SECONDS = 20
"""At most so long a tick: Dagster gives up on one that takes a minute."""


@dg.sensor(
    minimum_interval_seconds=_EVERY,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description=(
        f"Removes the events of runs that ended more than {SUCCESSFUL.days} days ago "
        f"({OTHERS.days} days where they failed or were cancelled). Latest materialisations, "
        "the state of every partition and the latest result of every check stay."
    ),
)
def event_log_retention() -> dg.SkipReason:
    """What was removed is the tick's reason: there is never a run to start."""
    return dg.SkipReason(told(prune(postgres_url(), datetime.now(UTC), _SECONDS)))


def told(removed: Removed | None) -> str:
    """What a tick did, in one sentence."""
    if removed is None:
        return "another process is removing old events now"
    counts = {
        "events": removed.events,
        "runs": removed.runs,
        "check results": removed.checks,
        "backfills": removed.backfills,
    }
    parts = [
        f"{count:,} {what if count > 1 else what[:-1]}".replace(",", " ")
        for what, count in counts.items()
        if count
    ]
    if not parts:
        return "nothing is old enough to be removed"
    rest = "" if removed.complete else "; the next tick goes on"
    return f"removed {', '.join(parts)}{rest}"
