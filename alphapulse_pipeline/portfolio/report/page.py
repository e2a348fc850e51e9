"""The report as one HTML file: nothing is loaded, nothing is sent.

Its policy forbids the browser every request. The charts are there as drawings before any script
has run.
"""

import json
from datetime import datetime
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, Decimal
from pathlib import Path
from typing import Any

from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.portfolio import drawing, pictures
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
    """The whole file."""
    import vl_convert  # slow to import, like the template's library
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
        drawn={name: drawing.svg(spec) for name, spec in specs.items() if spec},
        style=(_FOLDER / "page.css").read_text(),
        script=(_FOLDER / "page.js").read_text(),
        library=vl_convert.javascript_bundle().replace("</script", "<\\/script") if specs else "",
    )


def exact(value: Decimal | None) -> str:
    """Every digit; zeros at the end say nothing."""
    if value is None:
        return ""
    text = f"{value:,f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def money(value: Decimal | None) -> str:
    """To the cent: every digit is in the tables, and in the element's title."""
    if value is None:
        return ""
    return f"{value.quantize(Decimal('0.01'), ROUND_HALF_EVEN):,f}"


def percent(share: Decimal | None) -> str:
    """Cut off, not rounded: what is not quite sure is never 100 %."""
    if share is None:
        return ""
    return f"{(share * 100).quantize(Decimal('0.1'), ROUND_DOWN):f} %"


def time(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC" if at else "never"


def _in_script(value: Any) -> str:
    """JSON that cannot end the script that it stands in."""
    return json.dumps(value).replace("<", "\\u003c")
