"""Keeps web pages away from the web UI.

Dagster's web server checks neither Host nor Origin nor method: any page that a browser visits could
stop schedules, and by DNS rebinding read balances. The guard lets through what the UI itself sends,
links to it, and programs that are not browsers.
"""

from collections.abc import Awaitable, Callable, Collection, MutableMapping
from typing import Any
from urllib.parse import urlsplit

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

_READS = ("GET", "HEAD", "OPTIONS")
_OURS = ("", "same-origin", "none")
"""Values of `Sec-Fetch-Site` of the UI's own requests, of typed addresses, and of no browser."""
_NO_FRAMES = (
    (b"x-frame-options", b"DENY"),
    (b"content-security-policy", b"frame-ancestors 'none'"),
)


class WebGuard:
    """An ASGI application around another one. `hosts`: the names by which the UI may be reached."""

    def __init__(self, app: App, hosts: Collection[str]) -> None:
        self._app = app
        self._hosts = {host.lower() for host in hosts}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
        elif problem := self._objection(scope):
            await _refuse(scope, receive, send, problem)
        else:
            await self._app(scope, receive, _without_frames(send))

    def _objection(self, scope: Scope) -> str:
        """Why the request is refused; empty if it is let through."""
        headers = {k.decode("latin-1"): v.decode("latin-1") for k, v in scope["headers"]}
        host, origin = headers.get("host", "").lower(), headers.get("origin")
        if _name(host) not in self._hosts:
            return "the web UI is not known by this name: start it with `--allow-host NAME`"
        if origin is not None and urlsplit(origin).netloc.lower() != host:
            return "this request comes from a page of another site"
        if scope["type"] == "websocket":
            return ""
        site, graphql = headers.get("sec-fetch-site", ""), scope["path"].endswith("/graphql")
        if scope["method"] in _READS:
            # any: the name `query` may be encoded, and the playground needs none
            if graphql and scope["query_string"]:
                return "GraphQL accepts only POST requests"
            if site in _OURS or headers.get("sec-fetch-mode") == "navigate":
                return ""
            return "this request comes from a page of another site"
        if site not in _OURS:
            return "this request comes from a page of another site"
        content = headers.get("content-type", "").partition(";")[0].strip().lower()
        # the only types that a form of another site can send
        if graphql and content != "application/json":
            return "GraphQL accepts only JSON"
        return ""


def _name(host: str) -> str:
    """A `Host` without its port."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


async def _refuse(scope: Scope, receive: Receive, send: Send, problem: str) -> None:
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.close", "code": 1008, "reason": problem[:120]})
        return
    headers = [(b"content-type", b"text/plain; charset=utf-8"), *_NO_FRAMES]
    await send({"type": "http.response.start", "status": 403, "headers": headers})
    await send({"type": "http.response.body", "body": f"refused: {problem}\n".encode()})


def _without_frames(send: Send) -> Send:
    async def add_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", ()), *_NO_FRAMES]
        await send(message)

    return add_headers
