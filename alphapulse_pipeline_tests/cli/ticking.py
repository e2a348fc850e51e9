"""A deployment with one schedule and one sensor that run, and one of each that is to rest."""

import dagster as dg


@dg.job
def nothing() -> None: ...


@dg.schedule(
    job=nothing, cron_schedule="* * * * *", default_status=dg.DefaultScheduleStatus.RUNNING
)
def every_minute() -> dg.SkipReason:
    return dg.SkipReason("it ticked")


@dg.schedule(job=nothing, cron_schedule="* * * * *")
def resting() -> dg.SkipReason:
    return dg.SkipReason("it ticked")


@dg.sensor(minimum_interval_seconds=30, default_status=dg.DefaultSensorStatus.RUNNING)
def looking(context: dg.SensorEvaluationContext) -> dg.SkipReason:
    context.update_cursor("seen")
    return dg.SkipReason("it ticked")


defs = dg.Definitions(jobs=[nothing], schedules=[every_minute, resting], sensors=[looking])
