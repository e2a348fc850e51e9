"""A chart as a picture that needs no browser."""

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
"""Colours by the names that charts use: what is drawn is printed on white."""


def svg(spec: Spec) -> str:
    """The chart in light colours."""
    import vl_convert  # tens of megabytes of a JavaScript engine, for whoever draws

    still = spec | {"width": _WIDTH}
    if "layer" in spec:  # what answers to the mouse would be the larger part of the picture
        still["layer"] = [layer for layer in spec["layer"] if "params" not in layer]
    text = json.dumps(still)
    for name, colour in LIGHT.items():
        text = text.replace(f"var(--{name})", colour)
    drawn: str = vl_convert.vegalite_to_svg(
        json.loads(text), config={"background": LIGHT["paper"], "padding": 12}
    )
    return drawn


def markdown(spec: Spec) -> str:
    """The chart as an image in Markdown, with nothing to load."""
    drawn = base64.b64encode(svg(spec).encode()).decode()
    return f"![{spec['title']['text']}](data:image/svg+xml;base64,{drawn})"
