"""A tiny HTTP server that replies with given bytes."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple


class Reply(NamedTuple):
    """What is sent. `cut`: how many bytes of the body are promised but never come; `drip`: seconds
    before each byte of the body; `times`: how often the body is sent."""

    body: bytes
    status: int = 200
    headers: dict[str, str] = {}  # noqa: RUF012  a tuple's default, never changed
    cut: int = 0
    drip: float = 0
    times: int = 1


@contextmanager
def replying(reply: Callable[[str], Reply]) -> Iterator[str]:
    """The URL of a server whose answers `reply` makes of the paths asked for."""
    with answering(lambda path, _: reply(path)) as url:
        yield url


@contextmanager
def answering(reply: Callable[[str, str], Reply]) -> Iterator[str]:
    """The URL of a server whose answers `reply` makes of the paths asked for and the bodies."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"] or 0)).decode()
            answer = reply(self.path, body)
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.body) * answer.times + answer.cut))
            self.end_headers()
            if answer.drip:
                self._drip(answer)
            else:
                with suppress(ConnectionError):  # the client has had enough
                    for _ in range(answer.times):
                        self.wfile.write(answer.body)

        def _drip(self, answer: Reply) -> None:
            with suppress(ConnectionError):  # the client has had enough
                for byte in answer.body:
                    time.sleep(answer.drip)
                    self.wfile.write(bytes([byte]))

        do_POST = do_GET

        def log_message(self, format: str, *args: object) -> None:
            """Silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
