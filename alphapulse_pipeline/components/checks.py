"""Asset checks: SQL that finds what must not be there."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import dagster as dg
from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.components.snapshots import allowed_age
from alphapulse_pipeline.settings.accounts import Account
from alphapulse_pipeline.settings.environment import postgres_url
from alphapulse_pipeline.warehouse.connection import connect
from alphapulse_pipeline.warehouse.preview import markdown
from alphapulse_pipeline.warehouse.schema import require_current


@dataclass(frozen=True)
class Check:
    """A check that fails where its query finds rows. `%(account)s`, `%(oldest)s` are given."""

    dataset: str
    name: str
    description: str
    offenders: str

    def key(self, account: Account) -> dg.AssetCheckKey:
        return dg.AssetCheckKey(dg.AssetKey([account.name, self.dataset]), self.name)


_FRESH = [
    Check(
        dataset,
        "fresh",
        "The newest snapshot is not older than its schedule allows.",
        "SELECT max(captured_at) AS newest, %(oldest)s::timestamptz AS oldest_allowed"
        " FROM alphapulse.snapshots"
        f" WHERE account = %(account)s AND dataset = '{dataset}'"
        " HAVING max(captured_at) IS NULL OR max(captured_at) < %(oldest)s",
    )
    for dataset in ("balances", "positions", "prices")
]
_COMPLETE = [
    Check(
        dataset,
        "complete",
        "Coverage has no gap between history_start and the last sync.",
        "(SELECT stream, gap::text, reason FROM alphapulse.coverage_gaps"
        f" WHERE account = %(account)s AND dataset = '{dataset}' ORDER BY coverage_gaps.gap DESC)"
        " UNION ALL SELECT 'all', '(,)', 'never asked' WHERE NOT EXISTS ("
        "SELECT FROM alphapulse.streams"
        f" WHERE account = %(account)s AND dataset = '{dataset}')",
    )
    for dataset in ("orders", "trades")
]
CHECKS = [
    *_FRESH,
    Check(
        "balances",
        "no_negative_total",
        "No total is negative without a debt that explains it.",
        "SELECT wallet, asset, total, debt FROM alphapulse.balances_latest"
        " WHERE account = %(account)s AND total < 0 AND debt = 0",
    ),
    Check(
        "prices",
        "times_sane",
        "The newest snapshot was not taken in the future.",
        "SELECT DISTINCT captured_at FROM alphapulse.prices_latest"
        " WHERE account = %(account)s AND captured_at > now() + interval '1 minute'",
    ),
    *_COMPLETE,
    Check(
        "trades",
        "keys_unique",
        "No fill is stored twice, under two names of its market.",
        "SELECT trade_id, side, executed_at, array_agg(market) AS markets FROM alphapulse.trades"
        " WHERE account = %(account)s"
        " GROUP BY trade_id, side, executed_at, price, amount, order_id HAVING count(*) > 1",
    ),
    Check(
        "trades",
        "times_sane",
        "No fill lies in the future or before there were exchanges.",
        "SELECT market, trade_id, executed_at FROM alphapulse.trades WHERE account = %(account)s"
        " AND (executed_at > now() + interval '1 minute' OR executed_at < '2010-01-01')",
    ),
    Check(
        "orders",
        "keys_unique",
        "No order is stored twice, under two names of its market.",
        "SELECT order_id, array_agg(market) AS markets FROM alphapulse.orders"
        " WHERE account = %(account)s GROUP BY order_id, created_at HAVING count(*) > 1",
    ),
    Check(
        "orders",
        "times_sane",
        "No order lies in the future or changed before it was placed.",
        "SELECT market, order_id, created_at, updated_at FROM alphapulse.orders"
        " WHERE account = %(account)s"
        " AND (created_at > now() + interval '1 minute' OR updated_at < created_at)",
    ),
]


def account_checks(account: Account, *groups: Sequence[str]) -> list[dg.AssetChecksDefinition]:
    """The checks of each group of datasets, a step a group."""
    found = []
    for kind, datasets in zip(("snapshot", "history"), groups, strict=True):
        checks = [check for check in CHECKS if check.dataset in datasets]
        if checks:
            found.append(_checks(account, f"{account.name}_{kind}_checks", checks))
    return found


def _checks(account: Account, name: str, checks: Sequence[Check]) -> dg.AssetChecksDefinition:
    by_key = {check.key(account): check for check in checks}

    @dg.multi_asset_check(
        name=name,
        specs=[
            dg.AssetCheckSpec(key.name, asset=key.asset_key, description=check.description)
            for key, check in by_key.items()
        ],
        can_subset=True,
    )
    def run_checks(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
        with connect(postgres_url()) as connection:
            require_current(connection)
            for key in context.selected_asset_check_keys:
                yield _result(connection, account, key, by_key[key])

    return run_checks


def _result(
    connection: Connection[TupleRow], account: Account, key: dg.AssetCheckKey, check: Check
) -> dg.AssetCheckResult:
    oldest = datetime.now(UTC) - allowed_age(account)
    cursor = connection.execute(
        check.offenders.encode(), {"account": account.name, "oldest": oldest}
    )
    rows = cursor.fetchall()
    names = [column.name for column in cursor.description or ()]
    # What was never asked for is on its way; everything else needs somebody's eyes.
    waiting = check.name == "complete" and all(row[-1] == "never asked" for row in rows)
    return dg.AssetCheckResult(
        passed=not rows,
        asset_key=key.asset_key,
        check_name=key.name,
        severity=dg.AssetCheckSeverity.WARN if waiting else dg.AssetCheckSeverity.ERROR,
        metadata={
            "offenders": len(rows),
            **({"first": dg.MetadataValue.md(markdown(names, rows[:5]))} if rows else {}),
        },
    )
