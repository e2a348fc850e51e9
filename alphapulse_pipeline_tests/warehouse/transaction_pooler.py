"""A connection pooler in transaction mode, with one session on the server for all its clients."""

import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_SSL, _GSS = 80877103, 80877104
_READY, _IDLE = b"Z", b"I"
_ENDS_A_BATCH = (b"Q", b"S")
"""A simple query, or the Sync after an extended one: the server answers until it is ready."""


def _exactly(peer: socket.socket, size: int) -> bytes:
    found = b""
    while len(found) < size:
        part = peer.recv(size - len(found))
        if not part:
            raise ConnectionError
        found += part
    return found


def _startup(peer: socket.socket) -> bytes:
    """The first packet, after the requests for encryption, which are refused."""
    while True:
        size = _exactly(peer, 4)
        rest = _exactly(peer, int.from_bytes(size) - 4)
        if int.from_bytes(rest[:4]) not in (_SSL, _GSS):
            return size + rest
        peer.sendall(b"N")


def _without_options(startup: bytes) -> bytes:
    """As PgBouncer does with `ignore_startup_parameters = options`."""
    version, *fields = startup[4:8], *startup[8:].rstrip(b"\0").split(b"\0")
    pairs = zip(fields[::2], fields[1::2], strict=True)
    kept = [name + b"\0" + value + b"\0" for name, value in pairs if name != b"options"]
    rest = version + b"".join(kept) + b"\0"
    return (len(rest) + 4).to_bytes(4) + rest


def _message(peer: socket.socket) -> tuple[bytes, bytes]:
    """Its type, and all of it."""
    head = _exactly(peer, 5)
    return head[:1], head + _exactly(peer, int.from_bytes(head[1:]) - 4)


class _Pool:
    def __init__(self, path: str, *, options: bool) -> None:
        self.path = path
        self.options = options
        self.lock = threading.Lock()
        self.server: socket.socket | None = None
        self.greeting = b""

    def greet(self, startup: bytes) -> bytes:
        """What the server says to a new client: to all of them what it said to the first."""
        with self.lock:
            if self.server is None:
                self.server = socket.socket(socket.AF_UNIX)
                self.server.connect(self.path)
                self.server.sendall(startup if self.options else _without_options(startup))
                kind = b""
                while kind != _READY:
                    kind, message = _message(self.server)
                    self.greeting += message
        return self.greeting

    def serve(self, client: socket.socket) -> None:
        client.sendall(self.greet(_startup(client)))
        server = self.server
        assert server is not None
        kind, message = _message(client)
        while kind != b"X":
            with self.lock:  # until the transaction's end the session is this client's
                state = b""
                while state != _IDLE:
                    server.sendall(message)
                    answer = b""
                    while kind in _ENDS_A_BATCH and answer != _READY:
                        answer, reply = _message(server)
                        client.sendall(reply)
                        state = reply[-1:] if answer == _READY else b""
                    if state != _IDLE:
                        kind, message = _message(client)
            kind, message = _message(client)


@contextmanager
def transaction_pooler(path: str, *, options: bool = True) -> Iterator[int]:
    """Its port on 127.0.0.1. `path`: the server's unix socket; `options`: those of clients are
    passed on."""
    pool = _Pool(path, options=options)

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with suppress(ConnectionError):
                pool.serve(self.request)

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True

    with Server(("127.0.0.1", 0), Handler) as listening:
        threading.Thread(target=listening.serve_forever, daemon=True).start()
        try:
            yield int(listening.server_address[1])
        finally:
            listening.shutdown()
            if pool.server:
                pool.server.close()
