"""A table of your own, downstream of `trades`: volume and fees per day and market.

It is refreshed whenever new fills are stored, and is an asset with lineage like all others.
"""

import dagster as dg

from alphapulse_pipeline.settings.environment import postgres_url
from alphapulse_pipeline.warehouse.connection import connect

_CREATE = """
CREATE SCHEMA IF NOT EXISTS analytics;
CREATE TABLE IF NOT EXISTS analytics.daily_volume (
    day date NOT NULL,
    account text NOT NULL,
    market text NOT NULL,
    fills bigint NOT NULL,
    volume numeric NOT NULL,
    fees numeric,
    fee_currency text NOT NULL,
    PRIMARY KEY (day, account, market, fee_currency)
)
"""
_REFRESH = """
INSERT INTO analytics.daily_volume (day, account, market, fills, volume, fees, fee_currency)
SELECT (executed_at AT TIME ZONE 'UTC')::date, account, market, count(*), sum(cost),
       sum(fee_cost), coalesce(fee_currency, '')
FROM alphapulse.trades
GROUP BY 1, 2, 3, 7
"""


@dg.asset(
    deps=[dg.AssetKey(["bybit", "trades"])],
    description="Volume and fees per day and market.",
    group_name="analytics",
    kinds={"postgres"},
    automation_condition=dg.AutomationCondition.any_deps_updated().since_last_handled()
    & ~dg.AutomationCondition.in_progress(),
)
def daily_volume() -> dg.MaterializeResult:  # type: ignore[type-arg]
    """Recalculated as a whole; readers see the old rows until the transaction commits."""
    with connect(postgres_url()) as connection, connection.transaction():
        connection.execute(_CREATE)
        connection.execute("DELETE FROM analytics.daily_volume")
        rows = connection.execute(_REFRESH).rowcount
    return dg.MaterializeResult(metadata={"dagster/row_count": rows})


analytics_refresh = dg.AutomationConditionSensorDefinition(
    "analytics_refresh",
    target=dg.AssetSelection.groups("analytics"),
    default_status=dg.DefaultSensorStatus.RUNNING,
)
