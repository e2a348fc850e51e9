"""Guards against snapshots that are empty by mistake.

A broken endpoint may return a well-formed answer without holdings. A wallet or book that is
reported empty, or no longer listed, for the first time is read again at once and by the next runs;
nothing is written until several runs agree. A wallet that is not read is not empty by mistake.
"""

from collections.abc import Callable, Collection, Iterable
from datetime import timedelta

from alphapulse_pipeline.datasets import SNAPSHOTS, Snapshot
from alphapulse_pipeline.datasets.values import Row
from alphapulse_pipeline.exchange.errors import ExchangeFailure, Kind
from alphapulse_pipeline.sync.session import Session
from alphapulse_pipeline.sync.skipping import skipped_wallets, unread_wallets
from alphapulse_pipeline.warehouse import suspects

RUNS = 3
MIN_AGE = timedelta(minutes=10)


def verified_rows(session: Session, dataset: str, read: Callable[[], Iterable[Row]]) -> list[Row]:
    """The rows of a snapshot. Raises `ExchangeFailure` of kind `SUSPECT` if they may be missing."""
    snapshot = SNAPSHOTS[dataset]
    rows = list(read())
    if snapshot.part is None:
        return rows
    if _newly_empty(session, snapshot, rows):
        rows = list(read())
    newly_empty = _newly_empty(session, snapshot, rows)
    suspect = suspects.still_suspect(
        session.connection, session.name, snapshot, newly_empty, RUNS, MIN_AGE
    )
    if suspect:
        raise ExchangeFailure(
            Kind.SUSPECT,
            f"{snapshot.part.label} {', '.join(suspect)}: the exchange reports no rows "
            "for the first time",
            "nothing was written and the newest snapshot stays valid; the next runs read it again "
            f"and accept it after {RUNS} runs over {MIN_AGE // timedelta(minutes=1)} minutes",
        )
    return rows


def _newly_empty(session: Session, snapshot: Snapshot, rows: Collection[Row]) -> list[str]:
    if snapshot.part is None or (snapshot.name == "books" and session.totals_refused):
        return []
    unread = unread_wallets(session)
    if snapshot.name == "positions" and any(s.wallet in unread for s in session.venue.positions):
        return []  # a position does not carry its wallet
    if snapshot.name == "balances":
        skipped = skipped_wallets(session)
        empty = (w.name for w in session.venue.wallets if w.usually_empty)
        unread += [wallet for wallet in empty if wallet not in skipped]
    parts = {*unread, *filter(None, (snapshot.part.of(row) for row in rows))}
    return suspects.newly_empty(session.connection, session.name, snapshot, parts)
