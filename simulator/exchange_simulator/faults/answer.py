"""A complete answer, before it is sent."""

import json
from dataclasses import dataclass
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

Header = tuple[bytes, bytes]


@dataclass(slots=True)
class Answer:
    status: int
    headers: list[Header]
    """Without Content-Length, which is only known when the answer is sent."""
    body: bytes

    @property
    def json(self) -> Any:
        """The parsed body; None if it is not JSON."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None


async def answer_of(app: ASGIApp, scope: Scope, receive: Receive) -> Answer:
    """The answer of `app` to a request."""
    answer = Answer(500, [], b"")

    async def keep(message: Message) -> None:
        if message["type"] == "http.response.start":
            answer.status = message["status"]
            answer.headers = [
                header for header in message["headers"] if header[0].lower() != b"content-length"
            ]
        elif message["type"] == "http.response.body":
            answer.body += message.get("body", b"")

    await app(scope, receive, keep)
    return answer


async def start(answer: Answer, send: Send, *extra: Header) -> None:
    headers = [*answer.headers, *extra]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})


async def deliver(answer: Answer, send: Send) -> None:
    await start(answer, send, length(answer))
    await send({"type": "http.response.body", "body": answer.body})


def length(answer: Answer) -> Header:
    return (b"content-length", str(len(answer.body)).encode())
