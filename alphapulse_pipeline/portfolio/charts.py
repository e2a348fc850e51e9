"""Vega-Lite specifications of the portfolio's charts.

Numbers become floats for drawing; the tables next to a chart have the exact ones. Colours are CSS
variables, so the same specification works in light and dark mode.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from itertools import groupby, pairwise
from operator import itemgetter
from typing import Any

from alphapulse_pipeline.portfolio.numbers import listed

Spec = dict[str, Any]
Row = Mapping[str, Any]
_SHOWN = 12
"""Bars of one chart; the last one sums up all smaller amounts."""
_REST = "all others"

_INK, _QUIET, _LINE = "var(--ink)", "var(--quiet)", "var(--line)"
_ACCENT, _GAIN, _LOSS, _MARK = "var(--accent)", "var(--gain)", "var(--loss)", "var(--mark)"
_PAPER = "var(--paper)"
_MONEY = ",.2f"
_CONFIG = {
    "font": "system-ui, -apple-system, 'Segoe UI', Roboto, 'Liberation Sans', sans-serif",
    "background": "transparent",
    "view": {"stroke": None},
    "axis": {
        "labelColor": _QUIET,
        "titleColor": _QUIET,
        "titleFontWeight": "normal",
        "titleAnchor": "start",
        "gridColor": _LINE,
        "domain": False,
        "ticks": False,
        "labelPadding": 6,
        "labelFontSize": 11,
        "titleFontSize": 11,
    },
    "legend": {
        "labelColor": _QUIET,
        "titleColor": _QUIET,
        "orient": "top",
        "title": None,
        "symbolStrokeWidth": 2.5,
        "labelFontSize": 11,
    },
    "title": {
        "color": _INK,
        "subtitleColor": _QUIET,
        "anchor": "start",
        "fontSize": 14,
        "fontWeight": 600,
        "subtitleFontSize": 11,
        "subtitlePadding": 4,
        "offset": 12,
    },
}
_TIMES = {
    "field": "at",
    "type": "temporal",
    "title": None,
    "scale": {"type": "utc"},
    # Vega's default labels are on a 12-hour clock without AM and PM
    "axis": {
        "grid": False,
        "format": {
            **{"year": "%Y", "quarter": "%b %Y", "month": "%b %Y"},
            **{"week": "%b %d", "date": "%b %d", "day": "%b %d"},
            **{"hours": "%H:%M", "minutes": "%H:%M", "seconds": "%H:%M:%S"},
        },
        "labelOverlap": "greedy",
        "labelSeparation": 10,
    },
}
_STATES = {
    "final": (_ACCENT, [1, 0]),
    "provisional": (_ACCENT, [1, 1]),
    "partial": (_QUIET, [2, 3]),
    "carried": (_MARK, [6, 4]),
    "broken": (_LOSS, [2, 3]),
}
_PALE = "pale: may still change"
_IF_FINAL = {"condition": {"test": "datum.state === 'final'", "value": 1}, "value": 0.45}


def equity(rows: Sequence[Row], currency: str) -> Spec:
    """Value over time with its uncertainty: rows of `portfolio.value`, oldest first, and of
    `portfolio.value_daily` before them, without a confidence.

    The line is dashed while the value of a failed account is carried.
    """
    points = [
        {
            **_time(row["at"]),
            "value": float(row["value"]),
            "low": float(row["value"] - row["uncertainty"]),
            "high": float(row["value"] + row["uncertainty"]),
            "confidence": None if row["confidence"] is None else float(row["confidence"]),
            "state": row["state"],
        }
        for row in rows
    ]
    states = [state for state in _STATES if any(p["state"] == state for p in points)]
    x = _TIMES
    y = {"field": "value", "type": "quantitative", "title": None, "scale": {"zero": False}}
    hidden: Spec = {"legend": None} if states == ["final"] else {}
    colour = {
        "field": "state",
        "type": "nominal",
        "scale": {"domain": states, "range": [_STATES[state][0] for state in states]},
        **hidden,
    }
    dash = {
        "field": "state",
        "type": "nominal",
        "scale": {"domain": states, "range": [_STATES[state][1] for state in states]},
        **hidden,
    }
    return _chart(
        f"Value over time, {currency}",
        "the band is the uncertainty of the value",
        300,
        {
            "layer": [
                {
                    "data": {"values": points},
                    "mark": {"type": "area", "color": _ACCENT, "opacity": 0.16},
                    "encoding": {
                        "x": x,
                        "y": y | {"field": "low"},
                        "y2": {"field": "high"},
                    },
                },
                {
                    "data": {"values": _stretches(points)},
                    "mark": {"type": "line", "strokeWidth": 2, "strokeJoin": "round"},
                    "encoding": {
                        "x": x,
                        "y": y,
                        "color": colour,
                        "strokeDash": dash,
                        "detail": {"field": "stretch"},
                    },
                },
                {
                    "data": {"values": points},
                    "params": [
                        {
                            "name": "near",
                            "select": {
                                "type": "point",
                                "encodings": ["x"],
                                "nearest": True,
                                "on": "pointermove",
                                "clear": "pointerout",
                            },
                        }
                    ],
                    "mark": {"type": "point", "filled": True, "size": 50, "color": _ACCENT},
                    "encoding": {
                        "x": x,
                        "y": y,
                        "opacity": {
                            "condition": {"param": "near", "empty": False, "value": 1},
                            # a single point has no line
                            "value": 0 if len(points) > 1 else 1,
                        },
                        "tooltip": [
                            {"field": "when"},
                            {"field": "value", "format": _MONEY},
                            {"field": "low", "title": "at least", "format": _MONEY},
                            {"field": "high", "title": "at most", "format": _MONEY},
                            {"field": "confidence", "format": ".1%"},
                            {"field": "state"},
                        ],
                    },
                },
            ]
        },
    )


def allocation(rows: Sequence[Row], currency: str) -> Spec:
    """Value by asset: (asset, value), value None if the asset has no price; in any order."""
    priced = _largest([row for row in rows if row["value"] is not None], "value")
    unpriced = sorted({row["asset"] for row in rows if row["value"] is None})
    subtitle = f"no price: {listed(unpriced)}" if unpriced else "every asset has a price"
    return _bars(f"Allocation, {currency}", subtitle, priced, _ACCENT)


def pnl_by_month(rows: Sequence[Row], currency: str) -> Spec:
    """Realized profit and loss by month: (month, pnl, state), oldest first."""
    values = [
        {"month": f"{row['month']:%Y-%m}", "pnl": float(row["pnl"]), "state": row["state"]}
        for row in rows
    ]
    return _chart(
        f"Realized profit and loss by month, {currency}",
        _PALE if any(row["state"] != "final" for row in rows) else None,
        220,
        {
            "data": {"values": values},
            "mark": {"type": "bar", "cornerRadiusEnd": 2, "width": {"band": 0.7}},
            "encoding": {
                "x": {
                    "field": "month",
                    "type": "ordinal",
                    "title": None,
                    "axis": {"labelAngle": 0, "labelOverlap": "parity"},
                },
                "y": {"field": "pnl", "type": "quantitative", "title": None},
                "color": _signed("pnl", _GAIN),
                "opacity": _IF_FINAL,
                "tooltip": [
                    {"field": "month"},
                    {"field": "pnl", "format": _MONEY},
                    {"field": "state"},
                ],
            },
        },
    )


def pnl_by_asset(rows: Sequence[Row], currency: str) -> Spec:
    """Realized profit and loss by asset: (asset, value, state), in any order."""
    states = {row["asset"]: row["state"] for row in rows}
    all_final = set(states.values()) <= {"final"}
    rest = "final" if all_final else "provisional"
    shown = [bar | {"state": states.get(bar["asset"], rest)} for bar in _largest(rows, "value")]
    spec = _bars(
        f"Realized profit and loss by asset, {currency}",
        None if all_final else _PALE,
        shown,
        _GAIN,
    )
    spec["encoding"] |= {"opacity": _IF_FINAL}
    spec["encoding"]["tooltip"].append({"field": "state"})
    return spec


def exposure(rows: Sequence[Row], currency: str) -> Spec:
    """Exposure of all accounts together: (asset, net_value, gross_value), in any order.

    Pale bars show the long and short values, solid bars the net value.
    """
    shown = sorted(
        (row for row in rows if row["gross_value"] is not None), key=lambda row: -row["gross_value"]
    )[:_SHOWN]
    values = [
        {
            "asset": row["asset"],
            "net": float(row["net_value"]),
            "gross": float(row["gross_value"]),
            "long": float(row["gross_value"] + row["net_value"]) / 2,
            "short": float(row["net_value"] - row["gross_value"]) / 2,
        }
        for row in shown
    ]
    y = _names(values)
    x = {"type": "quantitative", "title": None}
    tooltip = [
        {"field": "asset"},
        *({"field": name, "format": _MONEY} for name in ("net", "gross", "long", "short")),
    ]
    return _chart(
        f"Exposure, {currency}",
        "pale: long and short; solid: net",
        _height(values),
        {
            "data": {"values": values},
            "layer": [
                {
                    "mark": {"type": "bar", "color": _QUIET, "opacity": 0.25},
                    "encoding": {
                        "y": y,
                        "x": x | {"field": "short"},
                        "x2": {"field": "long"},
                        "tooltip": tooltip,
                    },
                },
                {
                    "mark": {"type": "bar", "height": {"band": 0.4}},
                    "encoding": {
                        "y": y,
                        "x": x | {"field": "net"},
                        "color": _signed("net", _ACCENT),
                        "tooltip": tooltip,
                    },
                },
            ],
        },
    )


def residual_drift(rows: Sequence[Row], span: tuple[datetime, datetime], currency: str) -> Spec:
    """Cumulative residuals by balance: (account, wallet, asset, at, value), oldest first.

    `value` is one window's residual in the reporting currency, None if the asset has no price.
    `span` is the reconciled time: if every balance reconciles, the line is flat at zero.
    """
    priced = [row for row in rows if row["value"] is not None]
    points = []
    for balance, group in groupby(sorted(priced, key=_balance), key=_balance):
        drift = Decimal(0)
        points.append((balance, span[0], drift))
        for row in group:
            points.append((balance, row["at"], drift := drift + row["value"]))
        points.append((balance, span[1], drift))
    zero = [("every balance reconciles", at, Decimal(0)) for at in span]
    unpriced = sorted({row["asset"] for row in rows if row["value"] is None})
    return _chart(
        f"Cumulative unexplained differences, {currency}",
        f"not shown, no price: {listed(unpriced)}" if unpriced else None,
        200,
        {
            "data": {
                "values": [
                    {**_time(at), "drift": float(drift), "balance": balance}
                    for balance, at, drift in points or zero
                ]
            },
            "mark": {"type": "line", "interpolate": "step-after", "strokeWidth": 2},
            "encoding": {
                "x": _TIMES,
                "y": {"field": "drift", "type": "quantitative", "title": None},
                "color": {
                    "field": "balance",
                    "type": "nominal",
                    "scale": {"range": [_LOSS, _MARK, _ACCENT, _QUIET] if points else [_GAIN]},
                },
                "tooltip": [
                    {"field": "balance"},
                    {"field": "when"},
                    {"field": "drift", "format": ",.6~f"},
                ],
            },
        },
    )


def _chart(title: str, subtitle: str | None, height: int, body: Spec) -> Spec:
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v6.json",
        "title": {"text": title} | ({"subtitle": subtitle} if subtitle else {}),
        "width": "container",
        "height": height,
        "autosize": {"type": "fit-x", "contains": "padding"},
        "config": _CONFIG,
        **body,
    }


def _bars(title: str, subtitle: str | None, values: list[dict[str, Any]], positive: str) -> Spec:
    """Horizontal bars of {asset, value}, negative ones in a different colour."""
    return _chart(
        title,
        subtitle,
        _height(values),
        {
            "data": {"values": values},
            "mark": {"type": "bar", "cornerRadiusEnd": 2, "height": {"band": 0.7}},
            "encoding": {
                "y": _names(values),
                "x": {"field": "value", "type": "quantitative", "title": None},
                "color": _signed("value", positive),
                "tooltip": [{"field": "asset"}, {"field": "value", "format": _MONEY}],
            },
        },
    )


def _names(values: Sequence[Row]) -> Spec:
    return {
        "field": "asset",
        "type": "nominal",
        "title": None,
        "sort": [value["asset"] for value in values],
        "axis": {"labelColor": _INK, "labelLimit": 110},
    }


def _signed(field: str, positive: str) -> Spec:
    return {
        "condition": {"test": f"datum['{field}'] < 0", "value": _LOSS},
        "value": positive,
    }


def _height(values: Sequence[object]) -> int:
    return max(2, len(values)) * 26


def _largest(rows: Sequence[Row], name: str) -> list[dict[str, Any]]:
    """The largest absolute amounts by asset, and the sum of the rest."""
    ordered = sorted(rows, key=lambda row: -abs(row[name]))
    cut = _SHOWN if len(ordered) <= _SHOWN else _SHOWN - 1
    shown = [(row["asset"], row[name]) for row in ordered[:cut]]
    if len(ordered) > cut:
        shown.append((_REST, sum((row[name] for row in ordered[cut:]), Decimal(0))))
    return [{"asset": asset, "value": float(value)} for asset, value in shown]


def _stretches(points: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """One line for each run of points in the same state, starting where the previous line ends."""
    lines = [list(group) for _, group in groupby(points, key=itemgetter("state"))]
    for before, line in pairwise(lines):
        line.insert(0, before[-1] | {"state": line[0]["state"]})
    return [
        {"at": p["at"], "value": p["value"], "state": p["state"], "stretch": number}
        for number, line in enumerate(lines)
        for p in line
    ]


def _balance(row: Row) -> str:
    return f"{row['account']} {row['wallet']} {row['asset']}"


def _time(at: datetime) -> dict[str, Any]:
    """A point's time in milliseconds, and as text for its tooltip; both UTC."""
    return {"at": round(at.timestamp() * 1000), "when": f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"}
