"""Suspicious emptiness: an answer that something is gone is no truth at once.

An endpoint that has broken down may answer, in perfect form, that there is nothing. A wallet that
was never empty and is said to be is asked for again, first at once and then by the next runs, and
nothing is written of it until it was told in several runs over some time.
"""

from collections.abc import Callable, Collection, Iterable
from datetime import timedelta

from alphapulse_pipeline.exchange.errors import ExchangeFailure, Kind
from alphapulse_pipeline.exchange.rows import Row
from alphapulse_pipeline.sync.session import Session
from alphapulse_pipeline.warehouse import suspects

RUNS = 3
PATIENCE = timedelta(minutes=10)

_PART: dict[str, Callable[[Row], str]] = {
    "balances": lambda row: str(row["wallet"]),
    "positions": lambda row: str(row["market"]).partition(":")[2].partition("-")[0],
}
_NAMES = {"balances": "wallet", "positions": "positions settled in"}


def believed(session: Session, dataset: str, ask: Callable[[], Iterable[Row]]) -> list[Row]:
    """The rows of a snapshot. Raises `ExchangeFailure` of the kind `SUSPECT`."""
    found = list(ask())
    if dataset not in _PART:
        return found
    if _emptied(session, dataset, found):
        found = list(ask())
    emptied = _emptied(session, dataset, found)
    doubted = suspects.still_doubted(
        session.connection, session.name, dataset, emptied, RUNS, PATIENCE
    )
    if doubted:
        raise ExchangeFailure(
            Kind.SUSPECT,
            f"{_NAMES[dataset]} {', '.join(doubted)}: the exchange says that nothing is there, "
            "where there always was something",
            "nothing was written, the newest snapshot stays; the next runs ask again, and believe "
            f"it once it was told in {RUNS} runs over {PATIENCE // timedelta(minutes=1)} minutes",
        )
    return found


def _emptied(session: Session, dataset: str, found: Collection[Row]) -> list[str]:
    parts = {_PART[dataset](row) for row in found}
    return suspects.emptied(session.connection, session.name, dataset, parts)
