"""The report as one HTML file that loads and sends nothing.

Its content security policy forbids all requests. Charts are inlined as SVG, so they show without
JavaScript as well.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.portfolio import charts, drawing
from alphapulse_pipeline.portfolio.charts import Spec
from alphapulse_pipeline.portfolio.numbers import exact, money, percent, rounded, signed_percent
from alphapulse_pipeline.portfolio.report.facts import Facts, facts
from alphapulse_pipeline.portfolio.report.scope import Scope

_FOLDER = Path(__file__).parent
_FLOWS = 100
"""How many deposits and withdrawals are listed."""


def page(connection: Connection[TupleRow], scope: Scope, *, demo: bool) -> str:
    """The HTML of the report; `demo`: every page of it says that the data are simulated."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    found = facts(connection, scope)
    specs = _charts(found)
    environment = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "exact": exact,
        "money": money,
        "percent": percent,
        "rounded": rounded,
        "signed_percent": signed_percent,
        "time": time,
    }
    return environment.get_template("page.html").render(
        facts=found,
        demo=demo,
        listed=_FLOWS,
        specs=_in_script(specs),
        drawn={name: svg for name, spec in specs.items() if (svg := drawing.svg(spec))},
        style=(_FOLDER / "page.css").read_text(),
        script=_script() if specs else "",
    )


def _charts(found: Facts) -> Mapping[str, Spec]:
    """The charts for which there is something to draw."""
    currency = found.currency
    months = found.pnl_by_month[::-1]
    assets = [
        {"asset": row["asset"], "value": row["pnl"], "state": row["state"]}
        for row in found.pnl_by_asset
        if row["pnl"] is not None
    ]
    specs: dict[str, Spec] = {}
    if found.curve:
        specs["equity"] = charts.equity(found.curve, currency)
    if found.holdings:
        specs["allocation"] = charts.allocation(found.allocation, currency)
    if assets:
        known = [{**row, "pnl": row["pnl"] or 0} for row in months]
        specs["pnl_by_month"] = charts.pnl_by_month(known, currency)
        specs["pnl_by_asset"] = charts.pnl_by_asset(assets, currency)
    if found.exposure:
        specs["exposure"] = charts.exposure(found.exposure, currency)
    if found.reconciled["windows"]:
        span = (found.reconciled["first"], found.reconciled["last"])
        specs["residual_drift"] = charts.residual_drift(found.drift, span, currency)
    return specs


def _script() -> str:
    """The page's script, bundled with Vega."""
    import vl_convert  # large, and only needed here

    bundle: str = vl_convert.javascript_bundle((_FOLDER / "page.js").read_text())
    return bundle.replace("</script", "<\\/script")


def time(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC" if at else "never"


def _in_script(value: Any) -> str:
    """JSON that is safe inside a script element."""
    return json.dumps(value).replace("<", "\\u003c")
