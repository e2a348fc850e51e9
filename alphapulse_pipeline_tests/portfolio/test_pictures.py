"""Pictures of the portfolio: drawn without a browser, from what is there."""

import base64
import re
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from xml.etree import ElementTree

import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.portfolio import charts, drawing, pictures
from alphapulse_pipeline.portfolio.charts import Spec
from alphapulse_pipeline.portfolio.derived import Picture
from alphapulse_pipeline_tests.portfolio import example

DB = Connection[TupleRow]
ALL = (
    pictures.equity,
    pictures.allocation,
    pictures.pnl_by_month,
    pictures.pnl_by_asset,
    pictures.exposure,
    pictures.residual_drift,
)


def words(svg: str) -> str:
    return " ".join(ElementTree.fromstring(svg).itertext())  # noqa: S314  our own


def values(spec: Spec) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = spec["data"]["values"]
    return found


@pytest.mark.parametrize("picture", ALL)
def test_every_picture_is_small_and_has_nothing_to_load(held: DB, picture: Picture) -> None:
    spec = picture(held, "USD")
    assert spec
    markdown = drawing.markdown(spec)
    assert markdown
    assert len(markdown) < 200_000
    found = re.fullmatch(r"!\[[^]]+\]\(data:image/svg\+xml;base64,([^)]+)\)", markdown)
    assert found
    svg = base64.b64decode(found[1]).decode()
    assert spec["title"]["text"] in words(svg)
    assert "var(" not in svg
    assert "NaN" not in svg
    assert not re.search(r'(href|src)="', svg)


@pytest.mark.parametrize("picture", ALL)
def test_there_is_no_picture_of_nothing(db: DB, picture: Picture) -> None:
    assert picture(db, "USD") is None


def test_a_stretch_that_was_carried_is_dashed_and_goes_on_where_the_known_one_ended(
    held: DB,
) -> None:
    spec = pictures.equity(held, "USD")
    assert spec
    [band, line, _] = spec["layer"]
    stretches: dict[int, list[dict[str, Any]]] = {}
    for point in line["data"]["values"]:
        stretches.setdefault(point["stretch"], []).append(point)
    known, carried = stretches.values()
    assert {p["state"] for p in known} == {"provisional"}
    assert {p["state"] for p in carried} == {"carried"}
    assert known[-1]["at"] == carried[0]["at"]
    assert len(carried) == 1 + 5
    last = band["data"]["values"][-1]
    assert last["high"] - last["low"] == pytest.approx(2 * 0.07 * float(example.TOTAL))


def test_times_are_told_in_utc_by_the_whole_day() -> None:
    noon = datetime(2026, 10, 1, 17, 30, tzinfo=timezone(timedelta(hours=5, minutes=30)))
    rows = [
        {"at": noon + n * timedelta(hours=1), "value": Decimal(n), "uncertainty": Decimal(0)}
        | {"confidence": Decimal(1), "state": "final"}
        for n in range(4)
    ]
    spec = charts.equity(rows, "USD")
    points = spec["layer"][0]["data"]["values"]
    assert [point["when"] for point in points][:2] == [
        "2026-10-01 12:00 UTC",
        "2026-10-01 13:00 UTC",
    ]
    assert ">13:00<" in (drawing.svg(spec) or "")


def test_a_long_history_is_thinned_out_and_keeps_its_last_point(held: DB) -> None:
    held.execute(
        "INSERT INTO portfolio.value (account, at, value, confidence, carried, unpriced, state)"
        " SELECT '', %s - n * interval '1 minute', 1, 1, 0, '{}', 'provisional'"
        " FROM generate_series(1, 20000) AS n WHERE n %% 1440 <> 0",
        [example.NOW],
    )
    spec = pictures.equity(held, "USD")
    assert spec
    points = spec["layer"][0]["data"]["values"]
    assert 200 < len(points) <= 401
    assert points[-1]["value"] == float(example.TOTAL)


def test_the_allocation_names_what_has_no_price(held: DB) -> None:
    spec = pictures.allocation(held, "USD")
    assert spec
    assert spec["title"]["subtitle"] == "no price: NEWCOIN"
    assert [bar["asset"] for bar in values(spec)] == ["BTC", "ETH", "USDT", "SOL"]


def test_what_does_not_fit_is_added_up_in_one_bar() -> None:
    rows: list[dict[str, Any]] = [{"asset": f"A{n}", "value": Decimal(n - 3)} for n in range(30)]
    bars = values(charts.allocation(rows, "USD"))
    assert len(bars) == 12
    assert bars[-1]["asset"] == "all others"
    assert sum(bar["value"] for bar in bars) == sum(row["value"] for row in rows)


def test_a_month_in_which_nothing_was_sold_is_shown_as_nothing(held: DB) -> None:
    held.execute("DELETE FROM portfolio.matched_lines")
    for month in (5, 8):
        held.execute(
            "INSERT INTO portfolio.matched_lines (account, asset, line_id, kind, realized_at,"
            " amount, proceeds, cost, opened_by, closed_by) VALUES"
            " ('', 'BTC', %s, 'trade', %s, 1, 6, 1, '', '')",
            [month, datetime(2026, month, 9, tzinfo=UTC)],
        )
    spec = pictures.pnl_by_month(held, "USD")
    assert spec
    assert [bar["pnl"] for bar in values(spec)] == [5, 0, 0, 5]


def test_differences_add_up_to_a_drift_and_none_is_a_flat_line(held: DB) -> None:
    spec = pictures.residual_drift(held, "USD")
    assert spec
    assert [p["drift"] for p in values(spec)] == [0, pytest.approx(-12.5 * 0.9998), pytest.approx(
        -12.5 * 0.9998)]  # fmt: skip
    held.execute("UPDATE portfolio.reconciliation SET state = 'reconciled', residual = 0")
    spec = pictures.residual_drift(held, "USD")
    assert spec
    assert {(p["balance"], p["drift"]) for p in values(spec)} == {("every balance reconciles", 0)}


@pytest.mark.parametrize("text", ["A\x01B", "\x1b[31mA", "\ufffe", "\ud800"])
def test_a_name_that_kills_the_renderer_costs_only_its_picture(
    text: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A vulnerable renderer aborts its process; whether it does, this one goes on."""
    spec: Spec = {
        "title": {"text": "Value"},
        "data": {"values": [{"asset": text, "value": 1}]},
        "mark": "bar",
        "encoding": {"x": {"field": "asset"}, "y": {"field": "value", "type": "quantitative"}},
    }
    drawn = drawing.svg(spec)
    assert drawn is not None or "'Value' could not be drawn" in caplog.text
