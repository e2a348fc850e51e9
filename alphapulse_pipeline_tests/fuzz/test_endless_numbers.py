"""`1e999999999` in a field of every row: nothing hangs, and what is made of it is no amount."""

import re
import time

import pytest

from alphapulse_pipeline.exchange.errors import ExchangeFailure, Kind
from alphapulse_pipeline_tests.fuzz.endpoints import endpoints, learn, requests
from alphapulse_pipeline_tests.fuzz.proxy import Interference
from alphapulse_pipeline_tests.fuzz.stage import Stages
from alphapulse_pipeline_tests.fuzz.test_answers import read
from alphapulse_pipeline_tests.fuzz.test_stored_answers import SAMPLE

ENDPOINTS = {str(endpoint): endpoint for endpoint in endpoints()}
_FIGURE = re.compile(rb'"(\w+)":("?)-?\d+(?:\.\d+)?\2(?=[,}\]])')
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
        for field in sorted({match[1] for match in _FIGURE.finditer(body)}):
            one = re.compile(rb'"(' + field + rb')":("?)-?\d+(?:\.\d+)?\2(?=[,}\]])')
            changed = one.sub(rb'"\1":\g<2>1e999999999\2', body)
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
