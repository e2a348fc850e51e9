"""The deployment and, beside it, the smallest run that there can be: one asset that says hello."""

import dagster as dg

from alphapulse_pipeline import definitions


@dg.asset(group_name="bench")
def hello() -> dg.MaterializeResult:  # type: ignore[type-arg]
    return dg.MaterializeResult(metadata={"dagster/row_count": 1})


@dg.definitions
def defs() -> dg.Definitions:
    return dg.Definitions.merge(
        definitions.defs(),
        dg.Definitions(assets=[hello], jobs=[dg.define_asset_job("hello_world", [hello])]),
    )
