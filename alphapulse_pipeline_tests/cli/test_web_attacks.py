"""What pages of other sites do to the web UI in a real browser: nothing.

The web server is started as `up` starts it, with a small project. Without the guard, each of these
attacks stops its schedule, frames the UI or reads from it.
"""

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from string import Template
from urllib.parse import quote

import dagster as dg
import pytest
from playwright.sync_api import Browser, Page, Response, expect, sync_playwright

import alphapulse_pipeline
from alphapulse_pipeline.cli.processes import MARK
from alphapulse_pipeline_tests.chromium import FLAGS, executable
from alphapulse_pipeline_tests.cli import attacked, running
from alphapulse_pipeline_tests.cli.running import Deployment

SITES = ("evil.example", "127.0.0.1")
"""Another site, and another port of the same one, which is where other local programs are."""
_STATE = f"""{{ scheduleOrError(scheduleSelector: {{scheduleName: "hourly",
    repositoryName: "__repository__", repositoryLocationName: "{attacked.__name__}"}}
) {{ ... on Schedule {{ scheduleState {{ id status __typename }} }} }} }}"""
_ATTACKS = {
    "image": '<img src="$url">',
    "script": '<script src="$url"></script>',
    "form": '<form method="post" enctype="text/plain" action="$url"></form>'
    "<script>document.forms[0].submit()</script>",
    "fetch": '<script>fetch("$url", {mode: "no-cors"})</script>',
    "post": '<script>fetch("$url", {mode: "no-cors", method: "POST"})</script>',
    "beacon": '<script>navigator.sendBeacon("$url")</script>',
    "encoded": '<script>fetch("$encoded", {mode: "no-cors"})</script>',
    # text for the browser, JSON for Dagster
    "json": '<script>fetch("$graphql", {mode: "no-cors", method: "POST", body: $body, '
    'headers: {"Content-Type": "text/plain; application/json"}})</script>',
}
_OPEN = """url => new Promise(done => {
    const socket = new WebSocket(url, "graphql-ws");
    socket.onopen = () => done("open");
    socket.onerror = () => done("refused");
})"""
_ASK = """body => fetch("/graphql",
    {method: "POST", body, headers: {"Content-Type": "application/json"}}
).then(answer => answer.status)"""


@pytest.fixture(scope="module")
def ui(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """The guarded web server of the project in `attacked`, in which the asset is materialized."""
    home = tmp_path_factory.mktemp("home")
    (home / "dagster.yaml").write_text("telemetry: {enabled: false}\nnux: {enabled: false}\n")
    with dg.DagsterInstance.from_config(str(home)) as instance:
        dg.materialize([attacked.transfers], instance=instance)
    port, log = running.free_port(), home / "web.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "alphapulse_pipeline.cli.web", "127.0.0.1,localhost",
             "-h", "127.0.0.1", "-p", str(port), "-m", attacked.__name__],
            env={
                **os.environ,
                "DAGSTER_HOME": str(home),
                "PYTHONPATH": str(Path(alphapulse_pipeline.__file__).parents[1]),
                MARK: str(home),
            },
            cwd=home,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )  # fmt: skip
    found = Deployment(process, home, port, log)
    try:
        running.wait_for(lambda: "__typename" in str(found.graphql(_STATE)), 120, what="the UI")
        yield found
    finally:
        process.terminate()
        process.wait(30)
        running.end_all(home)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    names = "--host-resolver-rules=MAP *.example 127.0.0.1"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable(), args=[*FLAGS, names])
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    with browser.new_context() as context:
        yield context.new_page()


@contextmanager
def other_site(html: str) -> Iterator[int]:
    """The port of a server whose only page is `html`."""

    class Site(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(html.encode())

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Site) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


def state(ui: Deployment) -> dict[str, str]:
    """The schedule's id and status."""
    found: dict[str, str] = ui.graphql(_STATE)["scheduleOrError"]["scheduleState"]
    return found


def stop(ui: Deployment) -> str:
    return f'mutation {{ stopRunningSchedule(id: "{state(ui)["id"]}") {{ __typename }} }}'


@pytest.mark.parametrize("site", SITES)
@pytest.mark.parametrize("attack", _ATTACKS)
def test_another_page_changes_nothing(ui: Deployment, page: Page, attack: str, site: str) -> None:
    mutation = stop(ui)
    graphql = f"{ui.url}/graphql"
    html = Template(_ATTACKS[attack]).substitute(
        graphql=graphql,
        url=f"{graphql}?query={quote(mutation)}",
        encoded=f"{graphql}?%71uery={quote(mutation)}",
        body=json.dumps(json.dumps({"query": mutation})),
    )

    def from_ui(answer: Response) -> bool:
        return answer.url.startswith(graphql)

    with other_site(html) as port, page.expect_response(from_ui) as answer:
        page.goto(f"http://{site}:{port}", wait_until="commit")
    assert answer.value.status == 403
    assert state(ui)["status"] == "RUNNING"


@pytest.mark.parametrize("site", SITES)
def test_another_page_cannot_frame_the_ui(ui: Deployment, page: Page, site: str) -> None:
    with other_site(f'<iframe src="{ui.url}/assets"></iframe>') as port:
        page.goto(f"http://{site}:{port}")
    _, frame = page.frames
    # asking the page lets its events arrive
    running.wait_for(lambda: page.title() or frame.url, 120, what="the frame")
    assert frame.url == "chrome-error://chromewebdata/"


def test_another_page_gets_no_updates(ui: Deployment, page: Page) -> None:
    socket = f"ws://127.0.0.1:{ui.port}/graphql"
    for site in SITES:
        with other_site("") as port:
            page.goto(f"http://{site}:{port}")
            assert page.evaluate(_OPEN, socket) == "refused"
    page.goto(ui.url)
    assert page.evaluate(_OPEN, socket) == "open"


def test_a_name_that_leads_here_is_refused(ui: Deployment, page: Page) -> None:
    """DNS rebinding: for the browser, the page of `evil.example` and the UI are one site then."""
    answer = page.goto(f"http://evil.example:{ui.port}/")
    assert answer
    assert answer.status == 403
    for query in ("{ version }", stop(ui)):
        assert page.evaluate(_ASK, json.dumps({"query": query})) == 403
    assert state(ui)["status"] == "RUNNING"


def test_text_of_an_exchange_is_no_markdown(ui: Deployment, page: Page) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(f"{request.method} {request.url}"))
    page.goto(f"{ui.url}/assets/transfers?view=events")
    preview = page.get_by_role("row").filter(has_text=re.compile("^preview")).get_by_role("table")
    expect(preview.get_by_text(attacked.IMAGE, exact=True)).to_be_visible(timeout=30_000)
    expect(preview.locator("img")).to_have_count(0)
    assert [request for request in asked if request.startswith(f"GET {ui.url}/graphql")] == []


def test_the_ui_itself_can_stop_the_schedule(ui: Deployment, page: Page) -> None:
    """Last, since it does: the attacks above would have worked."""
    page.goto(ui.url)
    assert page.evaluate(_ASK, json.dumps({"query": stop(ui)})) == 200
    assert state(ui)["status"] == "STOPPED"
