"""The state that Dagster records of a schedule that somebody has stopped."""

from dagster._core.definitions.run_request import InstigatorType
from dagster._core.remote_origin import (
    RegisteredCodeLocationOrigin,
    RemoteInstigatorOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.scheduler.instigation import (
    InstigatorState,
    InstigatorStatus,
    ScheduleInstigatorData,
)

REPOSITORY = RemoteRepositoryOrigin(
    RegisteredCodeLocationOrigin("alphapulse_pipeline"), "__repository__"
)


def stopped_schedule(name: str) -> InstigatorState:
    """Of the deployed code location."""
    return InstigatorState(
        RemoteInstigatorOrigin(REPOSITORY, name),
        InstigatorType.SCHEDULE,
        InstigatorStatus.STOPPED,
        ScheduleInstigatorData("*/15 * * * *"),
    )
