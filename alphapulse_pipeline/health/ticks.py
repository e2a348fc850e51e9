"""Ticks of Dagster's schedules and sensors, read and deleted by SQL.

Dagster's API cannot delete single ticks, and its import takes seconds, which `status` must not
cost. Its timestamps are UTC without a zone; the connection's zone is UTC as well.
"""

from datetime import datetime, timedelta

from psycopg import Connection
from psycopg.rows import TupleRow

TOLERANCE = timedelta(minutes=1)
"""What is less far in the future delays nothing but the next tick."""

# One index lookup for each schedule and sensor: there may be millions of ticks.
_NOT_RUNNING = """
    SELECT EXISTS (
        SELECT FROM public.instigators AS i
        WHERE i.status = 'STOPPED' OR i.update_timestamp > %(time)s OR (
            SELECT t.timestamp FROM public.job_ticks AS t WHERE t.selector_id = i.selector_id
            ORDER BY t.timestamp DESC LIMIT 1
        ) > %(time)s
    )
"""


def any_not_running(connection: Connection[TupleRow], time: datetime) -> bool:
    """Whether a schedule or sensor is stopped, or has ticks or a state later than `time`."""
    if connection.execute("SELECT to_regclass('public.instigators')").fetchone() == (None,):
        return False  # Dagster has never run
    return connection.execute(_NOT_RUNNING, {"time": time}).fetchone() == (True,)


def delete_ticks_after(connection: Connection[TupleRow], time: datetime) -> int:
    """Delete all ticks later than `time`; returns how many. Their runs stay."""
    return connection.execute("DELETE FROM public.job_ticks WHERE timestamp > %s", [time]).rowcount
