"""Whatever an exchange answers: no bug, no row lost or altered, and none made of nothing."""

from collections.abc import Iterator
from decimal import Decimal
from resource import RUSAGE_SELF, getrusage
from typing import Any

import pytest
from hypothesis import note
from hypothesis import strategies as st

from alphapulse_pipeline.exchange.errors import ExchangeFailure, Kind
from alphapulse_pipeline_tests.fuzz import corpus
from alphapulse_pipeline_tests.fuzz.endpoints import (
    Endpoint,
    History,
    Walked,
    endpoints,
    figure,
    identity,
    learn,
    requests,
    row_of,
    walk,
)
from alphapulse_pipeline_tests.fuzz.examples import NIGHTLY, fuzz
from alphapulse_pipeline_tests.fuzz.mutations import mutated
from alphapulse_pipeline_tests.fuzz.proxy import Request
from alphapulse_pipeline_tests.fuzz.stage import Stage, Stages

QUICK = 4
ENDPOINTS = {str(endpoint): endpoint for endpoint in endpoints()}


@pytest.fixture(scope="module", autouse=True)
def bounded_memory() -> Iterator[None]:
    """No answer of a few kilobytes fills the memory."""
    before = getrusage(RUSAGE_SELF).ru_maxrss
    yield
    grown = (getrusage(RUSAGE_SELF).ru_maxrss - before) // 1024
    assert grown < 1024, f"{grown} MB"


@pytest.mark.parametrize("name", ENDPOINTS)
def test_a_changed_answer(name: str, opened: Stages) -> None:
    attack(opened, ENDPOINTS[name], QUICK, quick=True)


@pytest.mark.nightly
@pytest.mark.parametrize("name", ENDPOINTS)
def test_many_changed_answers(name: str, opened: Stages) -> None:
    attack(opened, ENDPOINTS[name], NIGHTLY, quick=False)


def attack(opened: Stages, endpoint: Endpoint, examples: int, *, quick: bool) -> None:
    stage = opened.of(endpoint.exchange)
    known = learn(stage, endpoint) if endpoint.read is None else None
    stage.reset()
    read(stage, endpoint, known)
    asked = requests(stage)
    if not asked:
        return  # the same for every account, or nothing of it is listed

    known_requests = {request for request, _ in asked}

    def attempt(request: Request, body: bytes, every: bool) -> None:
        stage.reset()
        stage.change(request, body, every=every)
        try:
            read(stage, endpoint, known)
        except ExchangeFailure as failure:
            echoed = failure.problem.startswith('"') and set(stage.proxy.asked) - known_requests
            if failure.kind is Kind.BUG and not echoed:
                raise

    def example(data: Any) -> None:
        place = data.draw(st.integers(0, len(asked) - 1))
        request, body = asked[place]
        every = data.draw(st.booleans())
        changed = mutated(data.draw, body)
        note(f"{request} {every=}: {changed[:3000]!r}")
        attempt(request, changed, every)

    for request, body in corpus.found(str(endpoint), asked):
        attempt(request, body, False)
    fuzz(example, examples, quick)


def read(stage: Stage, endpoint: Endpoint, known: History | None) -> None:
    if known is None:
        assert endpoint.read is not None
        endpoint.read(stage)
    else:
        found = walk(stage, known.source, known.start, known.end)
        nothing_is_lost(found)
        nothing_is_altered(stage, endpoint, known, found)


def nothing_is_lost(found: Walked) -> None:
    """What was answered is in a page, unless its time is outside of the window."""
    given = [row for page in found.pages for row in page.rows]
    for due in found.due:
        assert any(_is(due, row) for row in given), f"lost: {due}"


def nothing_is_altered(stage: Stage, endpoint: Endpoint, known: History, found: Walked) -> None:
    for raw in (row for page in found.pages for row in page.rows):
        assert any(_is(answered, raw) for answered in found.answered), f"made up: {raw}"
        row, reason = row_of(stage, endpoint.dataset, known.source, raw)
        if identity(raw) in known.rows:
            assert not reason, f"a good row was rejected: {reason}"
            assert row == known.rows[identity(raw)]
        elif row is not None:
            assert _is(raw, row["raw"])
            for column, fields in known.figures.items():
                if row[column] is None and column in known.blank:
                    continue
                unsigned = endpoint.dataset == "transfers"
                stated = _equals(row[column], raw, fields, unsigned)
                assert stated, f"{column} {row[column]} of {raw}"


def _is(answered: dict[str, Any], row: dict[str, Any]) -> bool:
    """Whether a row is the one that was answered, perhaps completed by a second request."""
    return all(row.get(name) == value for name, value in answered.items())


def _equals(
    value: Decimal | None, raw: dict[str, Any], fields: set[tuple[str, int]], unsigned: bool
) -> bool:
    """Whether an amount is the one that the exchange states, in one of the fields."""
    stated = {sign * (figure(raw, name) or 0) for name, sign in fields}
    if not any(stated):
        return True  # blank: then it may be calculated from others
    return value in stated or (unsigned and value in {abs(amount) for amount in stated})
