"""Attacks an endpoint: with the answers that once found a mistake, then with random ones."""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from resource import RUSAGE_SELF, getrusage
from typing import Any

from alphapulse_pipeline.exchange.errors import ExchangeFailure, Kind
from alphapulse_pipeline_tests.fuzz import corpus
from alphapulse_pipeline_tests.fuzz.choices import Choices, Drawn, Seeded, one
from alphapulse_pipeline_tests.fuzz.endpoints import requests
from alphapulse_pipeline_tests.fuzz.examples import SEED, ended_if_it_hangs, fuzz
from alphapulse_pipeline_tests.fuzz.mutations import mutated
from alphapulse_pipeline_tests.fuzz.proxy import Interference, Request
from alphapulse_pipeline_tests.fuzz.stage import Stage

_BLOCK = 64
"""Examples that are tried together."""
_OVER_HTTP = 50
"""One of so many blocks takes no shortcut."""
_SLOWEST = 30
"""Seconds that an example may take."""
_MOST_FOUND = 10
"""Examples that fail before no more are tried."""
_MOST_MEMORY = 300
"""MB that the examples of an endpoint may take."""


@dataclass(frozen=True)
class Case:
    request: Request
    body: bytes
    """The changed answer."""
    every: bool = False
    """Whether every answer of the path is changed to this one."""
    source: str = ""
    """What made it, and would make it again."""

    def interference(self) -> Interference:
        return Interference(self.request.path if self.every else self.request, self.body)


Check = Callable[[Sequence[Case]], None]


def attack(
    stage: Stage,
    endpoint: str,
    unchanged: Callable[[], Any],
    check: Check,
    examples: int,
    *,
    quick: bool,
) -> None:
    """Let `check` try changed answers to what `unchanged` requests.

    The nightly run tries a few with hypothesis, which shows the smallest that fails, and all others
    cheaply. It raises what it finds at the end.
    """
    stage.reset()
    unchanged()
    asked = requests(stage)
    if not asked:
        return  # nothing of it is listed, or it is older than the exchange serves
    stage.usual = frozenset(request for request, _ in asked)
    before = getrusage(RUSAGE_SELF).ru_maxrss

    def example(data: Any) -> None:
        check([_case(Drawn(data.draw), asked, "hypothesis")])

    for request, body in corpus.found(endpoint, asked):
        check([Case(request, body, source="the corpus")])
    fuzz(example, examples if quick else examples // 200, quick=quick)
    if quick:
        return
    with stage.shortcut.taken():
        stage.reset()
        unchanged()
    found: list[Exception] = []
    for number in range(0, examples, _BLOCK):
        sources = [f"{SEED} {endpoint} {n}" for n in range(number, min(number + _BLOCK, examples))]
        cases = [_case(Seeded(source), asked, source) for source in sources]
        over_http = number // _BLOCK % _OVER_HTTP == 0
        with ended_if_it_hangs(), nullcontext() if over_http else stage.shortcut.taken():
            try:
                with _unlogged():
                    check(cases)
            except Exception as error:  # noqa: BLE001  raised at the end
                found.append(error)
        if len(found) == _MOST_FOUND:
            break
    if found:
        raise ExceptionGroup(f"{len(found)} of {number + len(cases)} examples", found)
    grown = (getrusage(RUSAGE_SELF).ru_maxrss - before) // 1024
    assert grown < _MOST_MEMORY, f"{grown} MB"


@contextmanager
def _unlogged() -> Iterator[None]:
    """pytest would keep each warning until the end, with the answers in its traceback."""
    logging.disable()
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)


@contextmanager
def described(case: Case) -> Iterator[None]:
    """Say in an error which case it is of."""
    begun = time.monotonic()
    try:
        yield
        assert time.monotonic() - begun < _SLOWEST
    except Exception as error:
        error.add_note(f"{case.source}: {case.request} {case.every=}: {case.body[:3000]!r}")
        raise


def is_bug(stage: Stage, failure: ExchangeFailure, interference: Interference) -> bool:
    """Whether a failure is the client's, not the exchange's answer to what it is never asked."""
    echoed = failure.problem.startswith('"') and set(interference.asked) - stage.usual
    return failure.kind is Kind.BUG and not echoed


def _case(choices: Choices, asked: list[tuple[Request, bytes]], source: str) -> Case:
    request, body = one(choices, asked)
    every = bool(choices.number(0, 1))
    return Case(request, mutated(choices, body), every, source)
