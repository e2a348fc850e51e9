"""Four accounts at their default schedules for three hours of a simulated clock.

The ticks are evaluated as the schedules do, and Dagster stores the runs. The queue is simulated: it
takes one run of an account at a time, by priority, and a run takes as long as on a busy machine.
"""

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest
from cronsim import CronSim

from alphapulse_pipeline.components.exchange_account import account_definitions
from alphapulse_pipeline.components.schedules import CATCH_UP_SECONDS, HISTORY_SECONDS, evaluate
from alphapulse_pipeline.settings.accounts import Account

Make = Callable[..., Account]

BEGIN = datetime(2026, 11, 2, 0, 1, tzinfo=UTC)
MINUTES = 180
INTERVAL = timedelta(minutes=15)
OVERHEAD = 40
"""Seconds to start a run and to check what it read, on a busy machine."""
SECONDS = {
    "snapshot": (20, 150),
    "history": (60, HISTORY_SECONDS + OVERHEAD),
    "catch_up": (60, CATCH_UP_SECONDS + OVERHEAD),
}
"""The shortest and the longest run of each kind."""


@dataclass
class Queue:
    """The runs of one account."""

    account: Account
    tags: Mapping[str, Mapping[str, str]]
    """Of the jobs, by kind."""
    instance: dg.DagsterInstance
    random: random.Random
    running: tuple[dg.DagsterRun, datetime] | None = None
    """And when it ends."""
    read_at: dict[str, list[datetime]] = field(default_factory=lambda: {k: [] for k in SECONDS})
    """When the runs of each kind began to read."""

    def proceed(self, until: datetime) -> None:
        """End and begin runs in their order."""
        now = until - timedelta(minutes=1)
        while True:
            if self.running:
                run, now = self.running
                if now > until:
                    return
                self.instance.report_run_failed(run)  # ended; how does not matter here
                self.running = None
            queued = self.instance.get_runs(
                dg.RunsFilter(
                    tags={"alphapulse/account": self.account.name},
                    statuses=[dg.DagsterRunStatus.NOT_STARTED],
                )
            )
            if not queued:
                return
            # the newest comes first in what Dagster lists
            run = max(reversed(queued), key=lambda run: int(run.tags["dagster/priority"]))
            self.instance.report_dagster_event(
                dg.DagsterEvent(dg.DagsterEventType.RUN_START.value, run.job_name), run.run_id
            )
            kind = run.job_name.removeprefix(f"{self.account.name}_")
            self.read_at[kind].append(now)
            self.running = run, now + timedelta(seconds=self.random.uniform(*SECONDS[kind]))

    def tick(self, kind: str, now: datetime) -> None:
        request = evaluate(self.instance, self.account, kind)
        if isinstance(request, dg.RunRequest):
            tags = {**self.tags[kind], **request.tags}
            run = dg.DagsterRun(f"{self.account.name}_{kind}", tags=tags)
            self.instance.add_run(run)


@pytest.fixture
def quick() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


def test_every_account_is_read_within_two_intervals(
    make_account: Make, database: str, quick: dg.DagsterInstance
) -> None:
    chance = random.Random(15)
    queues = []
    crons: dict[str, str] = {}
    for name in ("a", "b", "c", "d"):
        account = make_account("http://127.0.0.1:9", name)
        made = account_definitions(account)
        tags = {job.name.removeprefix(f"{name}_"): dict(job.tags or {}) for job in made.jobs or ()}
        queues.append(Queue(account, tags, quick, chance))
        crons |= {
            schedule.name.removeprefix(f"{name}_"): str(schedule.cron_schedule)
            for schedule in made.schedules or ()
            if isinstance(schedule, dg.ScheduleDefinition)
        }
    due = {kind: CronSim(cron, BEGIN) for kind, cron in crons.items()}
    following = {kind: next(ticks) for kind, ticks in due.items()}
    for minute in range(1, MINUTES):
        now = BEGIN + timedelta(minutes=minute)
        kinds = [kind for kind, time in following.items() if time <= now]
        following |= {kind: next(due[kind]) for kind in kinds}
        for queue in queues:
            queue.proceed(now)
            # the daemon evaluates schedules that are due at once in any order
            for kind in chance.sample(kinds, len(kinds)):
                queue.tick(kind, now)
            if "history" in kinds and now - BEGIN >= 2 * INTERVAL:
                newest = max(queue.read_at["history"], default=BEGIN)
                assert now - newest <= 2 * INTERVAL, f"{queue.account.name} at {now}"
    for queue in queues:
        # nothing else starves either, although this machine always has older gaps to read
        assert len(queue.read_at["snapshot"]) >= MINUTES / 15
        assert len(queue.read_at["catch_up"]) >= MINUTES / 30
