"""How far each check of a history has read it, so that a run reads on from there.

Only a check that found nothing moves on: what it found is found again until it is mended. Rows of
runs whose checks never ran (the run failed) are read by the next run's.
"""

from datetime import datetime

from psycopg import Connection
from psycopg.rows import TupleRow

_RUN_WROTE = (
    "%(run_id)s = (SELECT run_id FROM alphapulse.sync_log"
    " WHERE account = %(account)s AND dataset = %(dataset)s ORDER BY id DESC LIMIT 1)"
)


def good_up_to(
    connection: Connection[TupleRow], account: str, dataset: str, check: str, run_id: str
) -> datetime | None:
    """Rows that were recorded before this need not be read by a run that wrote the dataset.

    None, read all: of a run that only checks, and where the check has never passed in a run.
    """
    row = connection.execute(
        "SELECT up_to FROM alphapulse.checked WHERE account = %(account)s"
        f" AND dataset = %(dataset)s AND check_name = %(check)s AND {_RUN_WROTE}",
        {"account": account, "dataset": dataset, "check": check, "run_id": run_id},
    ).fetchone()
    return row[0] if row else None


def passed(
    connection: Connection[TupleRow], account: str, dataset: str, check: str, run_id: str
) -> None:
    """Write down that the check found nothing, up to the beginning of this transaction.

    Does nothing for a run that did not write the dataset itself: it does not hold the account's
    lock, so that another one may be in the middle of writing older rows.
    """
    connection.execute(
        "INSERT INTO alphapulse.checked (account, dataset, check_name, up_to)"
        f" SELECT %(account)s, %(dataset)s, %(check)s, now() WHERE {_RUN_WROTE}"
        " ON CONFLICT (account, dataset, check_name) DO UPDATE SET up_to = excluded.up_to",
        {"account": account, "dataset": dataset, "check": check, "run_id": run_id},
    )
