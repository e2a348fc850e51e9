"""`1e999999999` in a field of every row: nothing hangs, and what is made of it is no amount."""

import re
import time
from collections.abc import Iterator

import pytest

from alphapulse_pipeline.exchange.errors import ExchangeFailure, Kind
from alphapulse_pipeline_tests.fuzz.endpoints import endpoints, learn, requests
from alphapulse_pipeline_tests.fuzz.proxy import Interference
from alphapulse_pipeline_tests.fuzz.stage import Stages
from alphapulse_pipeline_tests.fuzz.test_answers import read
from alphapulse_pipeline_tests.fuzz.test_stored_answers import SAMPLE

ENDPOINTS = {str(endpoint): endpoint for endpoint in endpoints()}
_NUMBER = rb'("?)-?\d+(?:\.\d+)?\2(?=[,}\]])'
_FIGURE = re.compile(rb'"(\w+)":' + _NUMBER)
_ROW = re.compile(rb'\[(?:"?-?[\d.]+"?,)+"?-?[\d.]+"?\]')
"""A row that is a list of numbers, as those of candles."""
_SECONDS = 30


@pytest.mark.parametrize("name", SAMPLE)
def test_in_each_field(name: str, opened: Stages) -> None:
    attack(opened, name)


@pytest.mark.nightly
@pytest.mark.parametrize("name", ENDPOINTS)
def test_in_each_field_of_every_endpoint(name: str, opened: Stages) -> None:
    attack(opened, name)


def attack(opened: Stages, name: str) -> None:
    endpoint = ENDPOINTS[name]
    stage = opened.of(endpoint.exchange)
    known = learn(stage, endpoint) if endpoint.read is None else None
    stage.reset()
    read(stage, endpoint, known)
    tried = 0
    for request, body in requests(stage):
        for field, changed in changes(body):
            stage.reset(Interference(request.path, changed))
            began = time.monotonic()
            try:
                read(stage, endpoint, known)
            except ExchangeFailure as failure:
                if failure.kind is Kind.BUG:
                    raise
            assert time.monotonic() - began < _SECONDS, field
            tried += 1
    assert tried or known is None


def changes(body: bytes) -> Iterator[tuple[object, bytes]]:
    """Each field with a number, by its name or its place in a list, and the answer that has the
    endless number there in every row."""
    for name in sorted({match[1] for match in _FIGURE.finditer(body)}):
        one = re.compile(rb'"(' + name + rb')":' + _NUMBER)
        yield name, one.sub(rb'"\1":\g<2>1e999999999\2', body)
    for place in range(max((row[0].count(b",") + 1 for row in _ROW.finditer(body)), default=0)):

        def endless(row: re.Match[bytes], place: int = place) -> bytes:
            cells = row[0][1:-1].split(b",")
            if place < len(cells):
                cells[place] = b'"1e999999999"' if cells[place][:1] == b'"' else b"1e999999999"
            return b"[%s]" % b",".join(cells)

        yield place, _ROW.sub(endless, body)
