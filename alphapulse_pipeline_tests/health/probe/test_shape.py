"""What the probe writes can be published: forms of answers, and nothing of the account's."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphapulse_pipeline.health.probe import account as probing
from alphapulse_pipeline.health.probe.account import Probe
from alphapulse_pipeline.health.probe.shape import shape
from alphapulse_pipeline_tests.health.probe.conftest import Open
from exchange_simulator import DEMO_KEY, DEMO_PASSPHRASE, DEMO_SECRET, EXCHANGES, Simulator

NOW = 1_794_000_000_000
DAY = 86_400_000
_VOCABULARY = re.compile(
    r"|empty|zero|true|false|(negative )?number of \d+ digits?( and \d+ decimals?)?"
    r"|text of \d+ \([a-z, ]*\)|time in m?s, .*|date, .*"
)


def leaves(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for inner in value.values():
            yield from leaves(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from leaves(inner)
    else:
        yield str(value)


def telling(value: str) -> bool:
    """Whether a value could identify something: an id, address, amount or time, not a word."""
    return len(value) > 4 and any(map(str.isdigit, value))


@pytest.mark.parametrize("exchange", EXCHANGES)
def test_the_report_has_nothing_of_the_account(
    exchange: str, simulator: Simulator, account: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered: list[Any] = []

    def seen(rows: list[Any], now: int) -> Any:
        answered.extend(rows)
        return shape(rows, now)

    monkeypatch.setattr(probing, "shape", seen)
    probe = Probe(account(simulator.url, exchange), None, tables=False)
    assert list(probe.run())
    text = json.dumps(probe.report())
    books = simulator.truth(exchange=exchange, expired=True)
    values = {value for value in leaves([answered, books]) if telling(value)}
    assert len(values) > 1000
    words = set(re.split(r"[^\w.-]+", text))
    assert values & words == set()
    assert [v for v in values if len(v) > 8 and v in text] == []
    for secret in (DEMO_KEY, DEMO_SECRET, DEMO_PASSPHRASE, "savings", simulator.url):
        assert secret not in text
    # but it says how the answers look
    fields = {name for answer in probe.report()["answers"].values() for name in answer["fields"]}
    assert len(fields) > 20


names = st.text(max_size=12) | st.sampled_from(["side", "ts", "orderId", "TKX7-QQ", "a.b", "x[]"])
plain = st.none() | st.booleans() | st.integers() | st.text(max_size=20) | st.floats()
values = plain | st.lists(plain, max_size=3) | st.dictionaries(names, plain, max_size=3)
rows = st.lists(st.dictionaries(names, values, max_size=5), max_size=4)


@given(rows)
def test_a_form_is_one_of_a_few_words(given_rows: list[dict[str, Any]]) -> None:
    """Whatever an exchange sends, only names of fields and a fixed vocabulary are written."""
    for name, found in shape(given_rows, NOW).items():
        assert all(
            re.fullmatch(r"\(name\)|[A-Za-z][A-Za-z0-9_-]*|", part.replace("[]", ""))
            for part in name.split(".")
        )
        kind = name.rpartition(".")[2].lower() in {"type", "side", "status", "state", "category"}
        assert kind or all(_VOCABULARY.fullmatch(form) for form in found["forms"]), found


@pytest.mark.parametrize(
    ("value", "form"),
    [
        ("", "empty"),
        (None, ""),
        (True, "true"),
        ("0.000", "zero"),
        ("-12.3400", "negative number of 2 digits and 4 decimals"),
        (7, "number of 1 digit"),
        (str(NOW - 3 * DAY - 5), "time in ms, 3 days ago"),
        ((NOW - DAY) // 1000, "time in s, 1 day ago"),
        (f"{(NOW + 2 * DAY) // 1000}.1234", "time in s, 2 days ahead"),
        ("2026-11-01 21:20:00", "date, 5 days ago"),
        ("1234567890123456789", "number of 19 digits"),
        ("TXYZ-12ab", "text of 9 (upper case, lower case, digits, others)"),
        ("0x59d7c8", "text of 8 (lower case, digits)"),
    ],
)
def test_a_value_is_described(value: Any, form: str) -> None:
    assert shape([{"field": value}], NOW)["field"]["forms"] == {form: 1}


def test_only_documented_kinds_are_written_as_they_are() -> None:
    found = shape(
        [
            {"side": "Buy", "type": "8", "orderStatus": "PartiallyFilledCanceled", "note": "rent"},
            {"side": "Sell", "type": "123456", "status": "1f9a0", "T4K2-XQ": "1", "note": "rent"},
        ],
        NOW,
    )
    assert found["side"]["forms"] == {"= Buy": 1, "= Sell": 1}
    assert found["type"]["forms"] == {"= 8": 1, "number of 6 digits": 1}
    assert found["orderStatus"]["forms"] == {"= PartiallyFilledCanceled": 1}
    assert found["status"]["forms"] == {"text of 5 (lower case, digits)": 1}
    assert found["note"]["forms"] == {"text of 4 (lower case)": 2}
    assert "(name)" in found
