"""What stands in the UI for a file that could not be loaded: an asset with a failed check.

The check's result needs no run: a sensor reports it, and reports again when the file is changed.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import dagster as dg

from alphapulse_pipeline.settings.errors import SettingsError
from alphapulse_pipeline.sync.deployment import usable_deployment

ASSET, CHECK, GROUP = "settings", "loads", "not_loaded"
_INTERVAL_SECONDS = 30
_RELOAD = 'correct now: to load it, use "Reload" under Deployment, or restart `alphapulse up`'


def not_loaded(folder: Path, broken: Mapping[str, SettingsError]) -> dg.Definitions:
    """An asset `[name, "settings"]` for each folder in `broken`, with the check `loads`."""
    keys = _keys(broken)

    def mistakes() -> dict[str, str]:
        """Each folder's mistake at this time; empty for one that is correct."""
        found = usable_deployment(folder).broken
        return {name: str(found[name]) if name in found else "" for name in keys}

    @dg.multi_asset_check(
        name=GROUP,
        specs=[
            dg.AssetCheckSpec(CHECK, asset=key, description="The file has no mistake.")
            for key in keys.values()
        ],
        can_subset=True,
    )
    def check(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
        now = mistakes()
        for name, key in keys.items():
            if dg.AssetCheckKey(key, CHECK) in context.selected_asset_check_keys:
                yield dg.AssetCheckResult(asset_key=key, check_name=CHECK, **_outcome(now[name]))

    @dg.sensor(
        name=GROUP,
        minimum_interval_seconds=_INTERVAL_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Reports the mistakes in files that could not be loaded. Starts no run.",
    )
    def sensor(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        now = mistakes()
        before = json.loads(context.cursor or "{}")
        return dg.SensorResult(
            skip_reason="; ".join(f"{name}: {text or _RELOAD}" for name, text in now.items()),
            asset_events=[
                dg.AssetCheckEvaluation(asset_key=keys[name], check_name=CHECK, **_outcome(text))
                for name, text in now.items()
                if text != before.get(name)
            ],
            cursor=json.dumps(now),
        )

    return dg.Definitions(
        assets=[
            dg.AssetSpec(
                key,
                description=f"Not loaded: {broken[name]}",
                group_name=GROUP,
                owners=["team:alphapulse"],
            )
            for name, key in keys.items()
        ],
        asset_checks=[check],
        sensors=[sensor],
    )


def _keys(folders: Iterable[str]) -> dict[str, dg.AssetKey]:
    """A key for each folder: Dagster accepts only letters, digits and _, and each name once."""
    keys: dict[str, dg.AssetKey] = {}
    for folder in sorted(folders):
        name = re.sub(r"\W", "_", folder, flags=re.ASCII)
        while dg.AssetKey([name, ASSET]) in keys.values():
            name += "_"
        keys[folder] = dg.AssetKey([name, ASSET])
    return keys


def _outcome(mistake: str) -> dict[str, Any]:
    shown = dg.MetadataValue.text(mistake or _RELOAD)
    return {
        "passed": not mistake,
        "metadata": {"mistake" if mistake else "next": shown},
        "description": mistake or _RELOAD,
    }
