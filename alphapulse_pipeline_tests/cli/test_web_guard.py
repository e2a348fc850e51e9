"""What a page of another site can send to the web UI, and what the UI itself sends."""

from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket, WebSocketDisconnect

from alphapulse_pipeline.cli.web_guard import WebGuard

UI = "127.0.0.1:3000"
FORM = "application/x-www-form-urlencoded"
CROSS = {"sec-fetch-site": "cross-site"}


async def _answer(request: Request) -> PlainTextResponse:
    return PlainTextResponse("done")


async def _connect(socket: WebSocket) -> None:
    await socket.accept("graphql-ws")
    await socket.close()


@pytest.fixture(scope="module")
def browser() -> TestClient:
    routes = [
        WebSocketRoute("/graphql", _connect),
        Route("/{path:path}", _answer, methods=["GET", "POST"]),
    ]
    guarded: Any = WebGuard(Starlette(routes=routes), ["127.0.0.1", "localhost", "ui.example.com"])
    return TestClient(guarded, base_url=f"http://{UI}")


@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        ("GET", "/", {}),
        ("GET", "/assets", {"sec-fetch-site": "none", "sec-fetch-mode": "navigate"}),
        ("GET", "/assets", {**CROSS, "sec-fetch-mode": "navigate"}),  # a link in a message
        ("GET", "/graphql", {"sec-fetch-site": "same-origin"}),
        ("GET", "/", {"host": "localhost:3000"}),
        ("GET", "/", {"host": "UI.example.com", "origin": "https://ui.example.com"}),
        ("POST", "/graphql", {"content-type": "application/json"}),
        (
            "POST",
            "/graphql",
            {
                "content-type": "application/json; charset=utf-8",
                "origin": f"http://{UI}",
                "sec-fetch-site": "same-origin",
            },
        ),
    ],
)
def test_the_ui_and_programs_pass(
    browser: TestClient, method: str, path: str, headers: dict[str, str]
) -> None:
    answer = browser.request(method, path, headers=headers, content=b"{}")
    assert (answer.status_code, answer.text) == (200, "done")
    assert answer.headers["x-frame-options"] == "DENY"
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]


@pytest.mark.parametrize(
    ("method", "path", "headers", "words"),
    [
        # DNS rebinding
        ("GET", "/", {"host": "evil.example.com:3000"}, "--allow-host"),
        ("POST", "/graphql", {"host": "evil.example.com"}, "--allow-host"),
        ("GET", "/", {"host": "127.0.0.1.evil.example.com"}, "--allow-host"),
        # an image or a script of another page
        ("GET", "/assets", {**CROSS, "sec-fetch-mode": "no-cors"}, "another site"),
        ("GET", "/assets", {"sec-fetch-site": "same-site", "sec-fetch-mode": "cors"}, "another"),
        # a mutation by GET, also by a link
        ("GET", "/graphql?query=mutation", {**CROSS, "sec-fetch-mode": "navigate"}, "only POST"),
        ("GET", "/graphql?a=b&query=mutation", {}, "only POST"),
        ("GET", "/graphql?%71uery=mutation", {"sec-fetch-site": "same-origin"}, "only POST"),
        # forms
        ("POST", "/graphql", {"content-type": "text/plain"}, "only JSON"),
        ("POST", "/graphql", {"content-type": FORM}, "only JSON"),
        ("POST", "/graphql", {"content-type": "text/plain; application/json"}, "only JSON"),
        ("POST", "/graphql", {**CROSS, "content-type": "application/json"}, "another site"),
        ("POST", "/report_asset_check/x", CROSS, "another site"),
        ("POST", "/graphql", {"origin": "null", "content-type": "application/json"}, "another"),
        ("POST", "/x", {"origin": "https://evil.example.com"}, "another site"),
        ("POST", "/x", {"origin": "http://127.0.0.1:8080"}, "another site"),
    ],
)
def test_pages_of_other_sites_are_refused(
    browser: TestClient, method: str, path: str, headers: dict[str, str], words: str
) -> None:
    answer = browser.request(method, path, headers=headers, content=b"{}")
    assert answer.status_code == 403
    assert words in answer.text
    assert answer.headers["x-frame-options"] == "DENY"


def test_the_updates_of_the_ui(browser: TestClient) -> None:
    own = {"origin": f"http://{UI}", "host": UI}
    with browser.websocket_connect("/graphql", headers=own):
        pass
    for headers in (own | {"origin": "https://evil.example.com"}, own | {"host": "evil.example"}):
        with (
            pytest.raises(WebSocketDisconnect),
            browser.websocket_connect("/graphql", headers=headers),
        ):
            pass
