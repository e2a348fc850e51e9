"""What a person sees and clicks in the web UI, with a real browser.

ALPHAPULSE_SCREENSHOTS=docs/images writes README's pictures there.
"""

import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import (
    Browser,
    FloatRect,
    Locator,
    Page,
    Playwright,
    expect,
    sync_playwright,
)

import alphapulse_pipeline
from alphapulse_pipeline.portfolio.tables import DERIVED
from alphapulse_pipeline_tests.chromium import FLAGS, executable
from alphapulse_pipeline_tests.cli import running
from alphapulse_pipeline_tests.cli.holding import holding
from alphapulse_pipeline_tests.cli.running import Deployment, deployment

ROOT = Path(alphapulse_pipeline.__file__).parents[1]
SNAPSHOTS = ("balances", "positions", "prices", "books")
HISTORIES = ("orders", "trades", "transfers", "funding", "ledger", "candles")
ASSETS = (*SNAPSHOTS, *HISTORIES)
GROUP = "/locations/alphapulse_pipeline/asset-groups/{}/lineage"

_SECONDS = 1000
_RUN = 300 * _SECONDS
"""How long a run may take beside other tests: the tests are about what is shown in the end."""
expect.set_options(timeout=60 * _SECONDS)


@pytest.fixture(scope="module")
def chromium() -> str:
    return executable()


@pytest.fixture(scope="module")
def up(chromium: str) -> Iterator[Deployment]:
    """A deployment that has read everything, so that its own runs are short. Its history begins
    three weeks ago: each day of it is an event for each table."""
    # a short path, because a unix socket's may have about a hundred characters
    with (
        tempfile.TemporaryDirectory(prefix="ap") as folder,
        pytest.MonkeyPatch.context() as patch,
    ):
        project = Path(folder) / "project"
        shutil.copytree(ROOT / "alphapulse_pipeline", project / "alphapulse_pipeline")
        for name in ("pyproject.toml", "dagster.yaml", "dg.toml"):
            shutil.copy(ROOT / name, project / name)
        account = project / "alphapulse_pipeline/defs/bybit/defs.yaml"
        start = f"history_start: {datetime.now(UTC) - timedelta(days=21):%Y-%m-%d}"
        account.write_text(re.sub("history_start: .*", start, account.read_text()))
        patch.setenv("PYTHONPATH", str(project))
        home = Path(folder) / "home"
        done = running.run(home, "sync", "--demo")
        assert done.returncode == 0, done.stderr
        with deployment(home) as found:
            yield found


@pytest.fixture
def page(chromium: str, up: Deployment) -> Iterator[Page]:
    with tempfile.TemporaryDirectory(prefix="ap") as profile, sync_playwright() as playwright:
        browser = playwright.chromium.launch_persistent_context(
            profile,
            executable_path=chromium,
            args=FLAGS,
            viewport={"width": 1500, "height": 3600},
            base_url=up.url,
        )
        page = browser.pages[0]
        page.set_default_timeout(60 * _SECONDS)
        # Dagster greets whoever comes for the first time
        greeting = page.get_by_role("button", name="Skip", exact=True)
        page.add_locator_handler(greeting, lambda: greeting.click())
        yield page
        browser.close()


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Where screenshots go."""
    folder = Path(os.environ.get("ALPHAPULSE_SCREENSHOTS", tmp_path))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def test_the_lineage_shows_the_account(page: Page) -> None:
    page.goto(GROUP.format("bybit"))
    for asset in ASSETS:
        expect(_node(page, asset)).to_be_visible()
    expect(_node(page, "balances")).to_contain_text("postgres", ignore_case=True)


def test_an_asset_is_materialized_by_a_click(page: Page, up: Deployment) -> None:
    page.goto("/assets/bybit/balances")
    page.get_by_role("button", name="Materialize").first.click()
    launched = page.get_by_text(re.compile("Launched run [0-9a-f]{8}"))
    run = launched.inner_text().split()[-1]
    # the message's own link is gone after a few seconds
    [(run_id,)] = up.wait_for_rows("SELECT run_id FROM runs WHERE run_id LIKE %s", f"{run}%")
    page.goto(f"/runs/{run_id}")
    expect(page.get_by_text("Success", exact=True).first).to_be_visible(timeout=_RUN)

    page.goto("/assets/bybit/balances?view=events")
    expect(page.get_by_text(f"Materialized in run {run}")).to_be_visible()
    [(rows,)] = up.rows(
        "SELECT rows FROM alphapulse.snapshots WHERE dataset = 'balances' AND run_id LIKE %s",
        f"{run}%",
    )
    row_count = page.get_by_role("row").filter(has_text="dagster/row_count")
    expect(row_count).to_contain_text(str(rows))
    preview = page.get_by_role("row").filter(has_text=re.compile("^preview")).get_by_role("table")
    for text in ("wallet", "total", "unified", "BTC", "USDT"):
        expect(preview.get_by_text(text, exact=True).first).to_be_visible()


def test_the_pictures_of_the_readme(page: Page, pictures: Path) -> None:
    """Every asset materialised and every day of the histories there, after one `sync`."""
    page.goto(GROUP.format("bybit"))
    for asset in ASSETS:
        done = "100% filled" if asset in HISTORIES else "Materialized"
        expect(_node(page, asset)).to_contain_text(done, timeout=_RUN)
        expect(_node(page, asset)).not_to_contain_text("Materializing", timeout=_RUN)
    page.mouse.move(1200, 900)
    box = _node(page, "balances").bounding_box()
    assert box is not None
    around: FloatRect = {"x": 240, "y": box["y"] - 40, "width": 1260, "height": 820}
    page.screenshot(path=pictures / "lineage.png", animations="disabled", clip=around)
    assert (pictures / "lineage.png").stat().st_size > 20_000


def test_the_lineage_of_the_portfolio_leads_from_the_raw_tables(page: Page) -> None:
    page.goto(GROUP.format("portfolio"))
    for derived in DERIVED:
        node = _node(page, derived.name)
        expect(node).to_contain_text("Materialized", timeout=_RUN)
    expect(page.get_by_text("balances").first).to_be_visible()


def test_a_materialization_of_the_value_shows_its_picture(page: Page, pictures: Path) -> None:
    """The UI's Markdown lets the drawing through, and the browser draws it."""
    page.goto("/assets/portfolio/value?view=events")
    row = page.get_by_role("row").filter(has_text=re.compile("^picture"))
    row.get_by_text("[Show Markdown]").click(timeout=_RUN)
    picture = page.get_by_alt_text(re.compile("^Value over time")).first
    expect(picture).to_be_visible()
    running.wait_for(
        lambda: picture.evaluate("image => image.complete && image.naturalWidth > 400"),
        30,
        what="the picture",
    )
    page.screenshot(path=pictures / "value.png", animations="disabled")


_A4 = 688  # what 14 mm of margin leave of its width, in CSS pixels
_CUT_OFF = """() => {
    const root = document.documentElement, cut = [];
    for (const e of document.querySelectorAll("td, th, p, li, dt, dd, h1, h2, svg")) {
        const box = e.getBoundingClientRect();
        if (box.width && (box.left < 0 || box.right > root.clientWidth + 0.5))
            cut.push(`${e.tagName} ${e.textContent.trim().slice(0, 40)}`);
    }
    for (const e of document.querySelectorAll(".scroll"))
        if (e.scrollWidth > e.clientWidth) cut.push(`table ${e.textContent.trim().slice(0, 40)}`);
    return root.scrollWidth > root.clientWidth ? ["the page", ...cut] : cut;
}"""
"""What is outside of the window, or of its table."""


@pytest.fixture(scope="module")
def report() -> Iterator[str]:
    """The URL of a report on a portfolio that was lived in."""
    with holding(full=True) as home:
        file = home.with_name("report.html")
        done = running.run(home, "report", "--demo", "--out", str(file))
        assert done.returncode == 0, done.stderr
        yield file.as_uri()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_the_report_is_readable_alone_at_any_width(
    chromium: str, report: str, pictures: Path, width: int, scheme: Literal["light", "dark"]
) -> None:
    reported: list[str] = []
    asked: list[str] = []
    with sync_playwright() as playwright, _browser(playwright, chromium) as browser:
        page = browser.new_page(viewport={"width": width, "height": 1300}, color_scheme=scheme)
        page.on("console", lambda message: reported.append(message.text))
        page.on("pageerror", lambda error: reported.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(report)
        charts = page.locator(".chart.vega-embed svg.marks")
        expect(charts).to_have_count(6)
        expect(page.locator("body")).to_contain_text("48,211.31")
        assert page.evaluate(_CUT_OFF) == []
        for chart in charts.all():
            box = chart.bounding_box()
            assert box is not None
            assert box["width"] > 0.4 * min(width, 1072)
            assert box["x"] + box["width"] <= width
        charts.first.hover()
        expect(page.locator("#vg-tooltip-element")).to_contain_text("confidence")
        page.mouse.move(0, 0)
        page.screenshot(path=pictures / f"report-{width}-{scheme}.png")
        page.set_viewport_size({"width": 1440, "height": 1300})
        assert page.evaluate(_CUT_OFF) == []
    assert reported == []
    assert asked == [report]


def test_the_report_can_be_read_without_scripts_and_on_paper(chromium: str, report: str) -> None:
    with sync_playwright() as playwright, _browser(playwright, chromium) as browser:
        page = browser.new_context(java_script_enabled=False).new_page()
        page.goto(report)
        expect(page.locator(".chart svg")).to_have_count(6)
        expect(page.locator(".chart svg").first).to_be_visible()
        page = browser.new_page(color_scheme="dark")
        page.goto(report)
        page.emulate_media(media="print")
        paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert paper == "rgb(255, 255, 255)"
        ink = page.evaluate("getComputedStyle(document.body).color")
        assert ink == "rgb(29, 37, 48)"
        page.set_viewport_size({"width": _A4, "height": 1000})
        assert page.evaluate(_CUT_OFF) == []
        expect(page.locator(".watermark")).to_be_visible()  # fixed, so it is on every page


def test_a_backfill_of_three_days_is_one_run_and_tells_what_differs(
    page: Page, up: Deployment
) -> None:
    """A person reads covered days again; rows that were damaged meanwhile are found and fixed."""
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    first, last = today - timedelta(days=5), today - timedelta(days=3)
    day = [first + timedelta(days=1), first + timedelta(days=2)]
    [(trade, amount)] = up.rows(
        "UPDATE alphapulse.trades SET amount = amount + 0.00000001 WHERE (market, trade_id) IN ("
        "SELECT market, trade_id FROM alphapulse.trades WHERE executed_at BETWEEN %s AND %s LIMIT 1"
        ") RETURNING trade_id, amount - 0.00000001",
        *day,
    )
    page.goto("/assets/bybit/trades?view=partitions")
    page.get_by_role("button", name="Materialize").first.click()
    chosen = page.get_by_placeholder(re.compile("^ex: ")).last  # the page has one, too
    chosen.fill(f"[{first:%Y-%m-%d}...{last:%Y-%m-%d}]")
    chosen.press("Enter")
    page.get_by_role("button", name=re.compile("^Launch")).last.click()
    query = "{ runsOrError(limit: 9) { ... on Runs { results { status tags { key value } } } } }"

    def ended() -> list[dict[str, str]]:
        """The tags of the backfill's runs, once they have ended."""
        answer = up.graphql(query) or {"runsOrError": {"results": []}}
        runs = [
            {tag["key"]: tag["value"] for tag in run["tags"]} | {"status": run["status"]}
            for run in answer["runsOrError"]["results"]
        ]
        launched = [run for run in runs if "dagster/backfill" in run]
        return launched if all(run["status"] == "SUCCESS" for run in launched) else []

    [tags] = running.wait_for(ended, 120, what="the backfill's run")
    assert tags["dagster/asset_partition_range_start"] == f"{first:%Y-%m-%d}"
    assert tags["dagster/asset_partition_range_end"] == f"{last:%Y-%m-%d}"
    fixed = up.rows("SELECT amount FROM alphapulse.trades WHERE trade_id = %s", trade)
    assert fixed == [(amount,)]
    page.goto(f"/assets/bybit/trades?view=partitions&partition={day[0]:%Y-%m-%d}")
    changed = page.get_by_role("row").filter(has_text=re.compile("^changed"))
    expect(changed.first).to_contain_text("1", timeout=_RUN)
    expect(page.get_by_text(trade).first).to_be_visible()


@contextmanager
def _browser(playwright: Playwright, chromium: str) -> Iterator[Browser]:
    browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
    try:
        yield browser
    finally:
        browser.close()


def _node(page: Page, asset: str) -> Locator:
    """The box of one of the group's assets in the graph. Assets of other groups are links there,
    which may have the same name: `portfolio/prices` is made of `bybit/prices`."""
    boxes = page.locator("foreignObject").filter(has_text="Latest event")
    return boxes.filter(has=page.get_by_text(asset, exact=True))
