"""Whatever an exchange answers: no bug, no row lost or altered, and none made of nothing."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest

from alphapulse_pipeline.exchange.errors import ExchangeFailure
from alphapulse_pipeline.exchange.feed import Feed
from alphapulse_pipeline_tests.fuzz.attack import Case, attack, described, is_bug
from alphapulse_pipeline_tests.fuzz.endpoints import (
    Endpoint,
    History,
    Walked,
    endpoints,
    figure,
    identity,
    is_answered,
    is_of_other,
    learn,
    read_once,
    walk,
)
from alphapulse_pipeline_tests.fuzz.examples import NIGHTLY
from alphapulse_pipeline_tests.fuzz.stage import Stage, Stages

ENDPOINTS = {str(endpoint): endpoint for endpoint in endpoints()}


@pytest.mark.parametrize("name", ENDPOINTS)
def test_a_changed_answer(name: str, opened: Stages) -> None:
    read_changed(opened, name, 4, quick=True)


@pytest.mark.nightly
@pytest.mark.parametrize("name", ENDPOINTS)
def test_many_changed_answers(name: str, opened: Stages) -> None:
    read_changed(opened, name, NIGHTLY, quick=False)


def read_changed(opened: Stages, name: str, examples: int, *, quick: bool) -> None:
    endpoint = ENDPOINTS[name]
    stage = opened.of(endpoint.exchange)
    known = learn(stage, endpoint) if endpoint.read is None else None

    def check(cases: Sequence[Case]) -> None:
        if known:
            known.read.clear()
        for case in cases:
            interference = case.interference()
            stage.reset(interference)
            with described(case):
                try:
                    read(stage, endpoint, known, case.body)
                except ExchangeFailure as failure:
                    if is_bug(stage, failure, interference):
                        raise

    attack(stage, name, lambda: read(stage, endpoint, known), check, examples, quick=quick)


def read(stage: Stage, endpoint: Endpoint, known: History | None, changed: bytes = b"") -> None:
    if known is None:
        assert endpoint.read is not None
        endpoint.read(stage)
    else:
        found = walk(stage, known.source, known.start, known.end)
        nothing_is_lost(found, known.source.feed, changed)
        nothing_is_altered(stage, endpoint, known, found)


def nothing_is_lost(found: Walked, feed: Feed, changed: bytes) -> None:
    """What was answered is in a page, unless its time is outside of the window."""
    given = [row for page in found.pages for row in page.rows]
    for due in found.due:
        is_given = any(is_answered(due, row) for row in given)
        assert is_given or is_of_other(feed, due, changed), f"lost: {due}"


def nothing_is_altered(stage: Stage, endpoint: Endpoint, known: History, found: Walked) -> None:
    for raw in (row for page in found.pages for row in page.rows):
        assert any(is_answered(answered, raw) for answered in found.answered), f"made up: {raw}"
        row, reason = read_once(stage, endpoint, known, raw)
        if identity(raw) in known.rows:
            assert not reason, f"a good row was rejected: {reason}"
            assert row == known.rows[identity(raw)]
        elif row is not None:
            own = raw["info"] if endpoint.dataset == "candles" else raw
            assert is_answered(own, row["raw"])
            for column, fields in known.figures.items():
                if row[column] is None and (
                    column in known.blank or any(raw.get(name) == "" for name, _ in fields)
                ):
                    continue
                unsigned = endpoint.dataset == "transfers"
                stated = _equals(row[column], raw, fields, unsigned)
                assert stated, f"{column} {row[column]} of {raw}"


def _equals(
    value: Decimal | None, raw: dict[str, Any], fields: set[tuple[str, int]], unsigned: bool
) -> bool:
    """Whether an amount is the one that the exchange states, in one of the fields."""
    # ccxt also reads Binance's websocket names, which are the first letters
    named = fields | {(name[:1], sign) for name, sign in fields}
    stated = {sign * (figure(raw, name) or 0) for name, sign in named}
    if not any(stated):
        return True  # blank: then it may be calculated from others
    # or it is calculated from two: the change of a balance and of a position, an amount and its fee
    others = [figure(raw, name) or 0 for name in raw]
    stated |= {amount + sign * other for amount in stated for other in others for sign in (1, -1)}
    return value in stated or (unsigned and value in {abs(amount) for amount in stated})
