"""Stands in front of the faces and decides which fault strikes which request."""

from asyncio import sleep
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from exchange_simulator.exchange import KEY_NOW
from exchange_simulator.face import Face
from exchange_simulator.faults.answer import Answer, answer_of, deliver
from exchange_simulator.faults.edits import Page, compact, edited
from exchange_simulator.faults.grammar import CERTAIN, Fault, Moment
from exchange_simulator.faults.instead import another_answer
from exchange_simulator.faults.kinds import Stage
from exchange_simulator.faults.wire import refuse, spoil
from exchange_simulator.keys import Key
from exchange_simulator.noise import mix
from exchange_simulator.rows import rows_of

_SIGNING = frozenset({"timestamp", "signature", "recvWindow", "nonce"})
_ALONE = frozenset({Stage.INSTEAD, Stage.WAY})
"""Of these, one strikes a request."""

Place = tuple[str, frozenset[tuple[str, str]]]


class Faults:
    def __init__(
        self, faces: ASGIApp, face_of: Callable[[Scope], Face], now: Callable[[], int], seed: int
    ) -> None:
        """`face_of`: whose request it is; `now`: the exchanges' time in milliseconds."""
        self._faces = faces
        self._face_of = face_of
        self._now = now
        self._seed = seed
        self._faults: list[Fault] = []
        self._since = 0
        self._pages: dict[Place, bytes] = {}
        """The last page of each history."""

    def set(self, faults: Iterable[Fault]) -> None:
        """Replaces all faults; counting begins anew."""
        self._since = self._now()
        self._pages = {}
        self._faults = list(faults)

    def told(self) -> list[dict[str, Any]]:
        """Each fault as it was written, how many requests it was about and how many it struck."""
        return [
            {
                "fault": fault.text,
                "requests": fault.requests,
                "struck": fault.struck,
                "healed": fault.healed,
            }
            for fault in self._faults
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not self._faults:
            await self._faces(scope, receive, send)
            return
        face = self._face_of(scope)
        due = list(self._due(scope, face))
        # who strikes is decided before anything is waited for: other requests come in between
        alone = next((fault for fault in due if fault.stage in _ALONE and fault.strike()), None)
        instead = alone is not None and alone.stage is Stage.INSTEAD
        waits = [fault for fault in due if fault.stage is Stage.WAIT and fault.strike()]
        losses = [
            fault for fault in due if not instead and fault.stage is Stage.KEY and fault.strike()
        ]
        for wait in waits:
            await sleep(float(wait.value))
        if alone is not None and instead:
            if alone.kind == "refuse":
                await refuse(send, receive)
            else:
                another = another_answer(alone, face, self._now())
                await deliver(await answer_of(another, scope, receive), send)
            return
        edits = [fault for fault in due if fault.stage is Stage.EDIT]
        # each request is answered in a task of its own: for the others the key stays what it is
        KEY_NOW.set(_losing([fault.value for fault in losses]))
        answer = await self._edited(edits, face, scope, receive)
        if alone is None:
            await deliver(answer, send)
        else:
            await spoil(alone.kind, alone.value, answer, send, receive)

    def _due(self, scope: Scope, face: Face) -> Iterator[Fault]:
        """The faults that are about this request and whose conditions hold; each counts it."""
        path, at = scope["path"], self._now() - self._since
        headers = {name for name, _ in scope["headers"]}
        for number, fault in enumerate(self._faults):
            if fault.stage is Stage.CLOCK or not path.startswith(fault.path):
                continue
            if fault.stage is Stage.KEY and face.key_header.encode() not in headers:
                continue
            fault.requests += 1
            dice = mix(self._seed, number, fault.requests) % CERTAIN
            moment = Moment(fault.requests, at, dice)
            if not fault.healed and all(when.holds(moment) for when in fault.whens):
                yield fault

    async def _edited(
        self, faults: list[Fault], face: Face, scope: Scope, receive: Receive
    ) -> Answer:
        """The face's answer after these faults; those that change nothing have not struck."""
        place: Place | None = None
        if any(fault.kind == "previous" for fault in self._faults):
            place, receive = await _place(scope, receive, face.paging)
        answer = await answer_of(self._faces, scope, receive)
        told, previous = answer.body, None if place is None else self._pages.get(place)
        for fault in faults:
            parsed = answer.json
            if parsed is None:
                break
            rows = rows_of(face.rows, scope["path"], parsed)
            seed = mix(self._seed, fault.requests)
            before = compact(parsed)
            after = edited(fault.kind, fault.value, Page(parsed, rows, previous, seed))
            if after != before and fault.strike():
                answer.body = after
        if place is not None and answer.status == 200:
            self._pages[place] = told
        return answer


async def _place(scope: Scope, receive: Receive, paging: frozenset[str]) -> tuple[Place, Receive]:
    """What all pages of a history have in common, and a `receive` that tells the request again."""
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)

    async def again() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    query = scope["query_string"].decode("latin-1") + "&" + body.decode("latin-1")
    params = frozenset(pair for pair in parse_qsl(query) if pair[0] not in paging | _SIGNING)
    return (scope["path"], params), again


def _losing(losses: Sequence[str]) -> Callable[[Key], Key]:
    """What becomes of a key that has lost all this."""

    def altered(key: Key) -> Key:
        for loss in losses:
            if loss == "expired":
                key = replace(key, expires_at=0)
            elif loss == "ip":
                key = replace(key, ips=())
            else:
                key = replace(key, scopes=key.scopes - {loss})
        return key

    return altered
