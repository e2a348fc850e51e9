"""The checks of snapshots."""

from alphapulse_pipeline.components.check import Check

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
        for dataset in ("balances", "positions", "prices")
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
]
