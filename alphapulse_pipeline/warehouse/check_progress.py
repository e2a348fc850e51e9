"""How far each check of a history has passed, so that the next run continues from there.

Only a check that passes advances, so a finding is reported until it is fixed. If a run fails before
its checks, the checks of the next run cover its rows.
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
    """The time before which all recorded rows have passed the check.

    None, i.e. read everything, for a run that only runs checks, or if the check never passed.
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
    """Record that the check passed for all rows up to the start of this transaction.

    Does nothing for a run that did not write the dataset: it does not hold the account's lock, so a
    concurrent run may still commit older rows.
    """
    connection.execute(
        "INSERT INTO alphapulse.checked (account, dataset, check_name, up_to)"
        f" SELECT %(account)s, %(dataset)s, %(check)s, now() WHERE {_RUN_WROTE}"
        " ON CONFLICT (account, dataset, check_name) DO UPDATE SET up_to = excluded.up_to",
        {"account": account, "dataset": dataset, "check": check, "run_id": run_id},
    )
