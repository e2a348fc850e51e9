"""Middleware in front of the exchanges that decides which faults fire on a request."""

from asyncio import sleep
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from exchange_simulator.faults.answer import Answer, answer_of, deliver
from exchange_simulator.faults.edits import Page, compact, edited
from exchange_simulator.faults.grammar import CERTAIN, Fault, Moment
from exchange_simulator.faults.kinds import Stage
from exchange_simulator.faults.replacements import replacement
from exchange_simulator.faults.spans import altered_span
from exchange_simulator.faults.wire import deliver_broken, refuse
from exchange_simulator.keys import Key
from exchange_simulator.pseudorandom import mix
from exchange_simulator.rows import rows_of
from exchange_simulator.simulated_exchange import SimulatedExchange
from exchange_simulator.state import ALTERED_KEY, ALTERED_SPAN

_SIGNING = frozenset({"timestamp", "signature", "recvWindow", "nonce"})
_ALONE = frozenset({Stage.REPLACE, Stage.TRANSPORT})
"""Only one fault of these stages fires per request."""

Place = tuple[str, frozenset[tuple[str, str]]]


class Faults:
    def __init__(
        self,
        app: ASGIApp,
        exchange_of: Callable[[Scope], SimulatedExchange],
        now: Callable[[], int],
        seed: int,
    ) -> None:
        """`exchange_of` returns the exchange of a request, `now` the exchanges' time in
        milliseconds."""
        self._app = app
        self._exchange_of = exchange_of
        self._now = now
        self._seed = seed
        self._faults: list[Fault] = []
        self._since = 0
        self._pages: dict[Place, bytes] = {}
        """The last page of each history."""

    def set(self, faults: Iterable[Fault]) -> None:
        """Replace all faults and reset their counters."""
        self._since = self._now()
        self._pages = {}
        self._faults = list(faults)

    def report(self) -> list[dict[str, Any]]:
        """Each fault as written, the number of matching requests and how often it fired."""
        return [
            {
                "fault": fault.text,
                "requests": fault.requests,
                "fired": fault.fired,
                "exhausted": fault.exhausted,
            }
            for fault in self._faults
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not self._faults:
            await self._app(scope, receive, send)
            return
        exchange = self._exchange_of(scope)
        due = list(self._due(scope, exchange))
        # decided before the first await, since other requests may come in between
        alone = next((fault for fault in due if fault.stage in _ALONE and fault.fire()), None)
        replaces = alone is not None and alone.stage is Stage.REPLACE
        waits = [fault for fault in due if fault.stage is Stage.WAIT and fault.fire()]
        losses = [
            fault for fault in due if not replaces and fault.stage is Stage.KEY and fault.fire()
        ]
        reads = [
            fault for fault in due if not replaces and fault.stage is Stage.READ and fault.fire()
        ]
        for wait in waits:
            await sleep(float(wait.value))
        if alone is not None and replaces:
            if alone.kind == "refuse":
                await refuse(send, receive)
            else:
                response = replacement(alone, exchange, self._now())
                await deliver(await answer_of(response, scope, receive), send)
            return
        edits = [fault for fault in due if fault.stage is Stage.EDIT]
        # every request runs in its own task, so these only change for this one
        ALTERED_KEY.set(_losing([fault.value for fault in losses]))
        ALTERED_SPAN.set(altered_span(reads))
        answer = await self._edited(edits, exchange, scope, receive)
        if alone is None:
            await deliver(answer, send)
        else:
            await deliver_broken(alone.kind, alone.value, answer, send, receive)

    def _due(self, scope: Scope, exchange: SimulatedExchange) -> Iterator[Fault]:
        """Faults that match this request and whose conditions hold; counts the request for each
        match."""
        path, at = scope["path"], self._now() - self._since
        headers = {name for name, _ in scope["headers"]}
        for number, fault in enumerate(self._faults):
            if fault.stage is Stage.CLOCK or not path.startswith(fault.path):
                continue
            if fault.stage is Stage.KEY and exchange.key_header.encode() not in headers:
                continue
            fault.requests += 1
            dice = mix(self._seed, number, fault.requests) % CERTAIN
            moment = Moment(fault.requests, at, dice)
            if not fault.exhausted and all(when.holds(moment) for when in fault.whens):
                yield fault

    async def _edited(
        self, faults: list[Fault], exchange: SimulatedExchange, scope: Scope, receive: Receive
    ) -> Answer:
        """The exchange's answer after these edits; an edit that changes nothing has not fired."""
        place: Place | None = None
        if any(fault.kind == "previous" for fault in self._faults):
            place, receive = await _place(scope, receive, exchange.paging)
        answer = await answer_of(self._app, scope, receive)
        received, previous = answer.body, None if place is None else self._pages.get(place)
        for fault in faults:
            parsed = answer.json
            if parsed is None:
                break
            rows = rows_of(exchange.rows, scope["path"], parsed)
            seed = mix(self._seed, fault.requests)
            before = compact(parsed)
            after = edited(fault.kind, fault.value, Page(parsed, rows, previous, seed))
            if after != before and fault.fire():
                answer.body = after
        if place is not None and answer.status == 200:
            self._pages[place] = received
        return answer


async def _place(scope: Scope, receive: Receive, paging: frozenset[str]) -> tuple[Place, Receive]:
    """What identifies the history of a request across its pages, and a `receive` that replays the
    body."""
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
    """Apply these losses to a key."""

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
