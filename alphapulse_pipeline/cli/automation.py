"""Schedules and sensors that do not run: stopped, or waiting for a time in the future.

Dagster evaluates no schedule before the latest time that it has recorded for it: of its newest
tick, its last evaluation, and its start (`dagster/_scheduler/scheduler.py`); and no sensor before
its last tick. After a clock that was ahead has been set back, those times are in the future.
Stopping and starting a schedule changes its start and its evaluations, but its newest tick stays,
so that alone does not help. The daemon also remembers the times in its memory.
"""

import warnings
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import dagster as dg
from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.definitions import defs
from alphapulse_pipeline.health.ticks import TOLERANCE, delete_ticks_after
from alphapulse_pipeline.settings.errors import UserError
from alphapulse_pipeline.settings.redaction import redact


@dataclass(frozen=True)
class Problem:
    """`message` names the schedules and sensors; `fix` says what to do."""

    message: str
    fix: str


class DefinitionsDoNotLoad(UserError):
    """The deployment's definitions do not load."""


def load_definitions() -> dg.Definitions:
    """The deployment's definitions, all resolved. Raises `DefinitionsDoNotLoad`."""
    try:
        with warnings.catch_warnings():  # Dagster's beta warnings
            warnings.simplefilter("ignore")
            loaded = defs()
            dg.Definitions.validate_loadable(loaded)
    except Exception as error:  # noqa: BLE001  a custom component can raise anything
        # redact before truncating: half a secret would not be recognized
        raise DefinitionsDoNotLoad(
            f"the definitions do not load: {type(error).__name__}: {redact(str(error))[:300]}",
            "run `dg check defs` for the full error",
        ) from None
    return loaded


def not_running(instance: dg.DagsterInstance) -> Iterator[str]:
    """What does not run of the deployment, and what to do."""
    wanted = set()
    try:
        wanted = running_by_default(load_definitions())
    except DefinitionsDoNotLoad as error:
        yield str(error)
    for problem in problems(instance, wanted):
        yield f"{problem.message}; {problem.fix}"


def running_by_default(loaded: dg.Definitions) -> set[str]:
    """The names of the schedules and sensors that the deployment wants running."""
    return {
        found.name
        for found in (*(loaded.schedules or ()), *(loaded.sensors or ()))
        if getattr(found, "default_status", None)
        in (dg.DefaultScheduleStatus.RUNNING, dg.DefaultSensorStatus.RUNNING)
    }


def problems(instance: dg.DagsterInstance, wanted: Collection[str]) -> Iterator[Problem]:
    """Why schedules and sensors do not run, of those in `wanted`."""
    if waiting := waiting_for_the_future(instance, datetime.now(UTC)):
        yield Problem(
            f"{_names(waiting)}: Dagster has recorded them at times up to "
            f"{_minute(max(waiting.values()))}, in the future, and does not run them before then: "
            "this machine's clock was ahead",
            "check this machine's clock (NTP), then restart `alphapulse up`, which deletes those "
            "ticks",
        )
    if stopped := stopped_by_hand(instance, wanted):
        yield Problem(
            f"{_names(stopped)}: stopped, and stay stopped until somebody starts them",
            "start them in the web UI, under Automation, unless this is intended",
        )


def stopped_by_hand(instance: dg.DagsterInstance, wanted: Collection[str]) -> list[str]:
    """The stopped ones among those in `wanted`."""
    return sorted(
        state.instigator_name
        for state in instance.all_instigator_state()
        if not state.is_running and state.instigator_name in wanted
    )


def waiting_for_the_future(instance: dg.DagsterInstance, now: datetime) -> dict[str, datetime]:
    """Schedules and sensors that wait for a time in the future, and until when."""
    latest = {
        state.instigator_name: max(
            0.0,
            *(_times(state.instigator_data).values()),
            *(
                tick.timestamp
                for tick in instance.get_ticks(
                    state.instigator_origin_id, state.selector_id, limit=1
                )
            ),
        )
        for state in instance.all_instigator_state()
        if state.is_running
    }
    limit = (now + TOLERANCE).timestamp()
    return {
        name: datetime.fromtimestamp(time, UTC)
        for name, time in sorted(latest.items())
        if time > limit
    }


def stop_waiting(
    instance: dg.DagsterInstance, connection: Connection[TupleRow], now: datetime
) -> str | None:
    """Delete ticks in the future and bring recorded times back to `now`: what was done, if needed.

    The daemon must not be running: it would remember the times.
    """
    waiting = waiting_for_the_future(instance, now)
    if not waiting:
        return None
    delete_ticks_after(connection, now)
    for state in instance.all_instigator_state():
        times = _times(state.instigator_data)
        if ahead := [name for name, time in times.items() if time > now.timestamp()]:
            data: Any = state.instigator_data
            changed = data._replace(**dict.fromkeys(ahead, now.timestamp()))
            instance.update_instigator_state(state.with_data(changed))
    return (
        f"{_names(waiting)}: Dagster had recorded ticks up to {_minute(max(waiting.values()))}, in "
        f"the future; deleted them, so that these run now. This machine's clock says "
        f"{_minute(now)}: is that right?"
    )


def _times(data: Any) -> dict[str, float]:
    """The times in what Dagster keeps of a schedule or sensor, in seconds since 1970."""
    fields: dict[str, object] = data._asdict() if data is not None else {}
    return {
        name: value
        for name, value in fields.items()
        if name.endswith("_timestamp") and isinstance(value, float)
    }


def _names(found: Collection[str], most: int = 8) -> str:
    more = f" and {len(found) - most} more" if len(found) > most else ""
    return ", ".join(list(found)[:most]) + more


def _minute(time: datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M} UTC"
