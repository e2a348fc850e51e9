"""How long a run may take, and what ends it then.

Dagster's daemon asks a run that exceeds its tag `dagster/max_runtime` to stop, and marks it as
failed. A process that computes in C without end, or ignores signals, goes on, and would keep its
account's lock. So the process of each run has a deadline of its own, a little later.
`faulthandler` watches it in a thread that needs neither Python's interpreter lock nor signals: it
writes where the run hangs to stderr (`logs/code-server.log`) and ends the process. That closes its
connections, and PostgreSQL releases the lock.
"""

import faulthandler
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta

import dagster as dg

MAX_RUNTIME = dg.MAX_RUNTIME_SECONDS_TAG
"""Run tag: seconds; 0 is no limit."""
SCHEDULED = timedelta(minutes=30)
"""For runs that schedules start: three times as long as they have for their requests."""
LONGEST = timedelta(days=1)
"""For all other runs, such as a backfill of years; also in `dagster.yaml`."""
IN_TERMINAL = timedelta(days=7)
"""For `alphapulse sync`, which has no other limit than whoever started it."""

_GRACE = timedelta(minutes=5)
"""The daemon looks for overdue runs every two minutes, and gives them time to stop."""


def max_runtime(limit: timedelta) -> dict[str, str]:
    """The tag of a run that may take this long."""
    return {MAX_RUNTIME: str(int(limit.total_seconds()))}


@contextmanager
def process_ends_in_time(tags: Mapping[str, str]) -> Iterator[None]:
    """End this process if it is still in here some minutes after the limit in the run's `tags`."""
    given = tags.get(MAX_RUNTIME, "")
    # a person may have entered anything; Dagster ignores what is not a number
    is_number = re.fullmatch(r"\d{1,9}(\.\d{1,9})?", given, re.ASCII)
    seconds = float(given) if is_number else LONGEST.total_seconds()
    if seconds:
        faulthandler.dump_traceback_later(
            seconds + _GRACE.total_seconds(), exit=True, file=sys.__stderr__ or sys.stderr
        )
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()
