"""An answer that something is gone is not taken for the truth at once.

A broken endpoint may answer, in perfect form, that nothing is held. A wallet that never was empty
and is reported empty is read once more, then by the next runs. Nothing is written until several
runs over some time agree.
"""

from collections.abc import Callable, Collection, Iterable
from datetime import timedelta

from alphapulse_pipeline.datasets import SNAPSHOTS, Snapshot
from alphapulse_pipeline.datasets.values import Row
from alphapulse_pipeline.exchange.errors import ExchangeFailure, Kind
from alphapulse_pipeline.sync.session import Session
from alphapulse_pipeline.warehouse import suspects

RUNS = 3
OVER = timedelta(minutes=10)


def checked_rows(session: Session, dataset: str, read: Callable[[], Iterable[Row]]) -> list[Row]:
    """The rows of a snapshot. Raises `ExchangeFailure` of kind `SUSPECT`."""
    snapshot = SNAPSHOTS[dataset]
    found = list(read())
    if snapshot.part is None:
        return found
    if _emptied(session, snapshot, found):
        found = list(read())
    emptied = _emptied(session, snapshot, found)
    suspect = suspects.still_suspect(
        session.connection, session.name, snapshot, emptied, RUNS, OVER
    )
    if suspect:
        raise ExchangeFailure(
            Kind.SUSPECT,
            f"{snapshot.part.label} {', '.join(suspect)}: the exchange reports nothing there, "
            "where there has always been something",
            "nothing was written and the newest snapshot stays valid; the next runs read it again "
            f"and accept it after {RUNS} runs over {OVER // timedelta(minutes=1)} minutes",
        )
    return found


def _emptied(session: Session, snapshot: Snapshot, found: Collection[Row]) -> list[str]:
    if snapshot.part is None:
        return []
    parts = {snapshot.part.of(row) for row in found}
    return suspects.emptied(session.connection, session.name, snapshot, parts)
