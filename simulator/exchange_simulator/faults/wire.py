"""What becomes of an answer on its way: silence, a broken connection, a spoilt body."""

import asyncio
import socket
import struct
from http import HTTPStatus

from starlette.types import Receive, Send

from exchange_simulator.faults.answer import Answer, deliver, length, start

_A_MOMENT = 0.02
"""Seconds in which what was sent leaves, before the connection breaks: a reset overtakes it."""


async def refuse(send: Send, receive: Receive) -> None:
    """Closes the connection; nothing was said."""
    _transport(send).abort()
    await _gone(receive)


async def spoil(way: str, where: str, answer: Answer, send: Send, receive: Receive) -> None:
    """Sends an answer as the faults of the stage WAY have it; `where`: their value."""
    match way, where:
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
            await _gone(receive)
        case "cut-body", "":
            answer.body = _half(answer.body)
            await deliver(answer, send)
        case "bad-gzip", "":
            answer.headers.append((b"content-encoding", b"gzip"))
            await deliver(answer, send)
        case _:
            raise AssertionError(f"nobody knows how to {way}={where}")


async def _begin(answer: Answer, send: Send) -> None:
    """Headers that promise all of the body, and half of it."""
    await start(answer, send, length(answer))
    body = _half(answer.body)
    await send({"type": "http.response.body", "body": body, "more_body": True})


async def _reset(send: Send, receive: Receive) -> None:
    await asyncio.sleep(_A_MOMENT)
    transport = _transport(send)
    # lingering for no time at all makes of a close a reset
    transport.get_extra_info("socket").setsockopt(
        socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
    )
    transport.abort()
    await _gone(receive)


async def _silence(send: Send, receive: Receive) -> None:
    try:
        await _gone(receive)
    except asyncio.CancelledError:
        # the server stops: whoever still waits hears as little as before
        _transport(send).abort()
        await asyncio.sleep(0)


async def _gone(receive: Receive) -> None:
    """Waits until the connection is no more."""
    while (await receive())["type"] != "http.disconnect":
        pass


def _head(answer: Answer) -> bytes:
    first = f"HTTP/1.1 {answer.status} {HTTPStatus(answer.status).phrase}\r\n".encode()
    return first + b"".join(b"%b: %b\r\n" % header for header in [*answer.headers, length(answer)])


def _half(sent: bytes) -> bytes:
    return sent[: len(sent) // 2]


def _transport(send: Send) -> asyncio.Transport:
    # uvicorn gives no public way to close a connection
    transport: asyncio.Transport = send.__self__.transport  # type: ignore[attr-defined]
    return transport
