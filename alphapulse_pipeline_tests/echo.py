"""An exchange's gateway that notes what requests are signed with, and can repeat it all in errors.

It stands in front of the simulator. Its troubles answer signed requests with everything that was
sent, in the ways in which real exchanges and proxies do.
"""

import json
import re
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import parse_qsl, urlsplit

Trouble = Callable[[str], tuple[int, str, str]]
"""What was sent -> status, content type and body."""


def page(sent: str) -> tuple[int, str, str]:
    return 502, "text/html", f"<html><body>Bad Gateway<pre>{sent}</pre></body></html>"


def text(sent: str) -> tuple[int, str, str]:
    return 400, "text/plain", sent


def values_alone(sent: str) -> tuple[int, str, str]:
    """Without the names by which a signature could be distinguished from other text."""
    return 400, "text/plain", " ".join(re.split(r"[\s=&?]+", sent))


def unknown_error(sent: str) -> tuple[int, str, str]:
    """In each exchange's own form, with a code that nobody knows."""
    reported = {"retCode": 99999, "code": "99999", "error": [f"EMystery:{sent}"]}
    return (
        400,
        "application/json",
        json.dumps(reported | {"retMsg": sent, "msg": sent, "result": {}}),
    )


def refusal(sent: str) -> tuple[int, str, str]:
    """The signature is wrong, in each exchange's own words."""
    reported = {"retCode": 10004, "error": [f"EAPI:Invalid signature:{sent}"], "result": {}}
    reported |= {"code": -1022 if "binance" in sent else "50113"}
    words = f"error sign! origin_string[{sent}]"
    return 401, "application/json", json.dumps(reported | {"retMsg": words, "msg": words})


def not_json(sent: str) -> tuple[int, str, str]:
    return 200, "application/json", f'{{"sent": "{sent!r}'


TROUBLES = (page, text, values_alone, unknown_error, refusal, not_json)


@dataclass
class Gateway:
    """A running gateway: what it has seen, and how it answers."""

    target: str
    url: str = ""
    trouble: Trouble | None = None
    signatures: dict[str, None] = field(default_factory=dict)
    """In the order in which they came."""
    repeated: int = 0
    """How many signed requests were answered with trouble."""

    def note(self, path: str, headers: dict[str, str]) -> bool:
        """Whether the request is signed."""
        pairs = [*headers.items(), *parse_qsl(urlsplit(path).query)]
        found = [value for name, value in pairs if re.search("sign", name, re.I) and len(value) > 9]
        self.signatures |= dict.fromkeys(found)
        return bool(found)


@contextmanager
def gateway(target: str) -> Iterator[Gateway]:
    """A gateway in front of `target`, for as long as the context lasts."""
    made = Gateway(target)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = {n: v for n, v in self.headers.items() if n.lower() != "host"}
            if made.note(self.path, headers) and made.trouble:
                made.repeated += 1
                sent = " ".join([self.requestline, *(f"{n}: {v}" for n, v in headers.items())])
                self._answer(*made.trouble(f"{sent} {body.decode()}"))
                return
            request = urllib.request.Request(  # noqa: S310  the simulator
                made.target + self.path, body or None, headers, method=self.command
            )
            try:
                with urllib.request.urlopen(request) as answer:  # noqa: S310
                    given = answer.status, answer.headers["Content-Type"], answer.read()
            except urllib.error.HTTPError as error:
                given = error.code, error.headers["Content-Type"], error.read()
            self._answer(given[0], given[1], given[2].decode("latin-1"))

        do_POST = do_GET

        def _answer(self, status: int, kind: str, body: str) -> None:
            content = body.encode("latin-1")
            self.send_response(status)
            self.send_header("Content-Type", kind or "text/plain")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.url = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
