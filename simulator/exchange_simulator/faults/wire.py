"""Broken transmission of an answer: silence, a broken connection, a corrupt body."""

import asyncio
import socket
import struct
from http import HTTPStatus

from starlette.types import Receive, Send

from exchange_simulator.faults.answer import Answer, deliver, length, start

_FLUSH_SECONDS = 0.02
"""Seconds for sent data to leave before the connection is reset; a reset would overtake it."""


async def refuse(send: Send, receive: Receive) -> None:
    """Close the connection without an answer."""
    _transport(send).abort()
    await _closed(receive)


async def deliver_broken(
    kind: str, where: str, answer: Answer, send: Send, receive: Receive
) -> None:
    """Send an answer broken by a fault of stage TRANSPORT; `where` is the fault's value."""
    match kind, where:
        case "reset", "":
            await _reset(send, receive)
        case "reset", "headers":
            _transport(send).write(_half(_head(answer)))
            await _reset(send, receive)
        case "reset", "body":
            await _begin(answer, send)
            await _reset(send, receive)
        case "hang", "":
            await _silence(send, receive)
        case "hang", "headers":
            await start(answer, send, length(answer))
            await _silence(send, receive)
        case "hang", "body":
            await _begin(answer, send)
            await _silence(send, receive)
        case "close-body", "":
            await _begin(answer, send)
            _transport(send).close()
            await _closed(receive)
        case "cut-body", "":
            answer.body = _half(answer.body)
            await deliver(answer, send)
        case "bad-gzip", "":
            answer.headers.append((b"content-encoding", b"gzip"))
            await deliver(answer, send)
        case _:
            raise AssertionError(f"unknown fault {kind}={where}")


async def _begin(answer: Answer, send: Send) -> None:
    """Send headers that promise the whole body, and half of it."""
    await start(answer, send, length(answer))
    body = _half(answer.body)
    await send({"type": "http.response.body", "body": body, "more_body": True})


async def _reset(send: Send, receive: Receive) -> None:
    await asyncio.sleep(_FLUSH_SECONDS)
    transport = _transport(send)
    # with SO_LINGER 0, closing sends a reset
    transport.get_extra_info("socket").setsockopt(
        socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
    )
    transport.abort()
    await _closed(receive)


async def _silence(send: Send, receive: Receive) -> None:
    try:
        await _closed(receive)
    except asyncio.CancelledError:
        # the server is stopping: close without an answer
        _transport(send).abort()
        await asyncio.sleep(0)


async def _closed(receive: Receive) -> None:
    """Wait until the connection is closed."""
    while (await receive())["type"] != "http.disconnect":
        pass


def _head(answer: Answer) -> bytes:
    first = f"HTTP/1.1 {answer.status} {HTTPStatus(answer.status).phrase}\r\n".encode()
    return first + b"".join(b"%b: %b\r\n" % header for header in [*answer.headers, length(answer)])


def _half(sent: bytes) -> bytes:
    return sent[: len(sent) // 2]


def _transport(send: Send) -> asyncio.Transport:
    # uvicorn has no public API to close a connection
    transport: asyncio.Transport = send.__self__.transport  # type: ignore[attr-defined]
    return transport
