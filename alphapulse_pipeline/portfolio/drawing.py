"""Charts rendered as SVG, without a browser."""

import base64
import json

from alphapulse_pipeline.portfolio.charts import Spec

_WIDTH = 760
LIGHT = {
    "paper": "#ffffff",
    "ink": "#1d2530",
    "quiet": "#667080",
    "line": "#e6e8ec",
    "accent": "#17627f",
    "gain": "#2e7d57",
    "loss": "#b5432f",
    "mark": "#b0761a",
}
"""Values of the CSS variables in charts, for a white background."""


def svg(spec: Spec) -> str:
    """The chart as SVG, in light colours."""
    import vl_convert  # loads a JavaScript engine of tens of megabytes

    still = spec | {"width": _WIDTH}
    if "layer" in spec:  # interactive layers would be most of the picture
        still["layer"] = [layer for layer in spec["layer"] if "params" not in layer]
    text = json.dumps(still)
    for name, colour in LIGHT.items():
        text = text.replace(f"var(--{name})", colour)
    drawn: str = vl_convert.vegalite_to_svg(
        json.loads(text), config={"background": LIGHT["paper"], "padding": 12}
    )
    return drawn


def markdown(spec: Spec) -> str:
    """The chart as a Markdown image with the SVG inlined."""
    drawn = base64.b64encode(svg(spec).encode()).decode()
    return f"![{spec['title']['text']}](data:image/svg+xml;base64,{drawn})"
