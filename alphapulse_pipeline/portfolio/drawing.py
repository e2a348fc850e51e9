"""Charts rendered as SVG, without a browser.

The renderer runs in a process of its own: it is a JavaScript engine in native code, which ends the
process that it runs in when it meets a text that it cannot handle.
"""

import base64
import json
import logging
import subprocess
import sys

from alphapulse_pipeline.portfolio.charts import Spec

_PAPER = "#ffffff"
logger = logging.getLogger(__name__)

_WIDTH = 760
_SECONDS = 60
_RENDER = f"""
import json, sys, vl_convert
config = {{"background": "{_PAPER}", "padding": 12}}
svg = vl_convert.vegalite_to_svg(json.load(sys.stdin.buffer), config=config)
sys.stdout.buffer.write(svg.encode())
"""
LIGHT = {
    "paper": _PAPER,
    "ink": "#1d2530",
    "quiet": "#667080",
    "line": "#e6e8ec",
    "accent": "#17627f",
    "gain": "#2e7d57",
    "loss": "#b5432f",
    "mark": "#b0761a",
}
"""Values of the CSS variables in charts, for a white background."""


def svg(spec: Spec) -> str | None:
    """The chart as SVG, in light colours; None if it cannot be drawn, which is logged."""
    still = spec | {"width": _WIDTH}
    if "layer" in spec:  # interactive layers would be most of the picture
        still["layer"] = [layer for layer in spec["layer"] if "params" not in layer]
    text = json.dumps(still)
    for name, colour in LIGHT.items():
        text = text.replace(f"var(--{name})", colour)
    try:
        drawn = subprocess.run(
            [sys.executable, "-I", "-c", _RENDER],
            input=text.encode(),
            env={},
            capture_output=True,
            check=False,
            timeout=_SECONDS,
        )
    except subprocess.TimeoutExpired:
        drawn = None
    if drawn is None or drawn.returncode:
        ended = f"ended with status {drawn.returncode}" if drawn else "was too slow"
        logger.warning(
            "the chart %r could not be drawn: the renderer %s", spec["title"]["text"], ended
        )
        return None
    return drawn.stdout.decode()


def markdown(spec: Spec) -> str | None:
    """The chart as a Markdown image with the SVG inlined; None if it cannot be drawn."""
    if (picture := svg(spec)) is None:
        return None
    drawn = base64.b64encode(picture.encode()).decode()
    return f"![{spec['title']['text']}](data:image/svg+xml;base64,{drawn})"
