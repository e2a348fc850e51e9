"""The report as one HTML file that loads and sends nothing.

Its content security policy forbids all requests. Charts are inlined as SVG, so they show without
JavaScript as well.
"""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.portfolio import drawing, pictures
from alphapulse_pipeline.portfolio.numbers import exact, money, percent
from alphapulse_pipeline.portfolio.report.facts import facts

_FOLDER = Path(__file__).parent
_CHARTS = {
    "equity": pictures.equity,
    "allocation": pictures.allocation,
    "exposure": pictures.exposure,
    "pnl_by_month": pictures.pnl_by_month,
    "pnl_by_asset": pictures.pnl_by_asset,
    "residual_drift": pictures.residual_drift,
}


def page(connection: Connection[TupleRow]) -> str:
    """The HTML of the report."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    found = facts(connection)
    specs = {name: picture(connection, found.currency) for name, picture in _CHARTS.items()}
    specs = {name: spec for name, spec in specs.items() if spec}
    environment = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"exact": exact, "money": money, "percent": percent, "time": time}
    return environment.get_template("page.html").render(
        facts=found,
        specs=_in_script(specs),
        drawn={name: svg for name, spec in specs.items() if spec and (svg := drawing.svg(spec))},
        style=(_FOLDER / "page.css").read_text(),
        script=_script() if specs else "",
    )


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
