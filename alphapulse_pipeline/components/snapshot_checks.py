"""The checks of snapshots."""

from alphapulse_pipeline.components.check import Check
from alphapulse_pipeline.datasets import SNAPSHOTS

SNAPSHOT_CHECKS = [
    *(
        Check(
            dataset,
            "fresh",
            "The latest snapshot is not older than two ticks of its schedule.",
            "SELECT max(captured_at) AS newest, %(oldest)s::timestamptz AS oldest_allowed"
            " FROM alphapulse.snapshots"
            f" WHERE account = %(account)s AND dataset = '{dataset}'"
            " HAVING max(captured_at) IS NULL OR max(captured_at) < %(oldest)s",
        )
        for dataset in SNAPSHOTS
    ),
    Check(
        "balances",
        "no_debt_twice",
        "No debt is negative, and none repeats a negative total, which it would subtract again.",
        "SELECT wallet, asset, total, debt FROM alphapulse.balances_latest"
        " WHERE account = %(account)s AND (debt < 0 OR (debt > 0 AND total = -debt))",
    ),
    Check(
        "prices",
        "times_sane",
        "The latest snapshot is not in the future.",
        "SELECT DISTINCT captured_at FROM alphapulse.prices_latest"
        " WHERE account = %(account)s AND captured_at > now() + interval '1 minute'",
    ),
    Check(
        "books",
        "books_complete",
        "All that the exchange totals is read. More than 1 % of the account in a book that is not "
        "read, or missing from one that is, is an error; less is a warning.",
        "SELECT book, currency, exchange_total, read_total, missing, finding"
        " FROM alphapulse.books_missing WHERE account = %(account)s ORDER BY share DESC, book",
        warnings=frozenset({"not read", "the totals differ"}),
        facts="SELECT book, state, currency, exchange_total, read_total"
        " FROM alphapulse.books_latest WHERE account = %(account)s"
        " ORDER BY abs(exchange_total) DESC NULLS LAST, book",
        hint="What is in a book that is not read is in no value and in no profit: move it to a "
        "wallet that is read, or add it up yourself. If `wallets` in defs.yaml leaves the wallet "
        "out, add it there. If the totals of a wallet that is read differ, compare its balances "
        "with those that the exchange's website shows, and report what is missing.",
    ),
]
