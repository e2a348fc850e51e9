"""Faults can be read and changed while the server runs."""

import subprocess
import sys

import httpx
import pytest

from exchange_simulator import Simulator
from exchange_simulator.faults import KINDS
from exchange_simulator_tests.client import get, signed
from exchange_simulator_tests.conftest import NOW

TIME = "/v5/market/time"


def test_faults_are_listed_with_how_often_they_fired(faulty: Simulator) -> None:
    faulty.set_faults(f"status=503:{TIME}*1@2-", "delay=0@100%")
    for _ in range(3):
        get(faulty, TIME)
    get(faulty, "/v5/market/tickers?category=linear")
    reported = httpx.get(faulty.url + "/__faults").json()
    assert reported == faulty.faults()
    assert reported == [
        {"fault": f"status=503:{TIME}*1@2-", "requests": 3, "fired": 1, "exhausted": True},
        {"fault": "delay=0@100%", "requests": 4, "fired": 4, "exhausted": False},
    ]


def test_faults_are_replaced_over_http(faulty: Simulator) -> None:
    faulty.set_faults("html")
    answer = httpx.post(
        faulty.url + "/__faults", json=[f"status=503:{TIME}", "clock=5000", "refuse*1@9"]
    )
    assert [fault["fault"] for fault in answer.json()] == [
        f"status=503:{TIME}",
        "clock=5000",
        "refuse*1@9",
    ]
    assert get(faulty, TIME).status == 503
    assert get(faulty, "/v5/market/tickers?category=linear").json["time"] == NOW + 5000
    assert httpx.post(faulty.url + "/__faults", json=[]).json() == []
    assert get(faulty, TIME).json["time"] == NOW


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ('["html@noon"]', "@noon is not a condition"),
        ('"html"', "is not a list of faults"),
        ("[503]", "is not a list of faults"),
        ("html", "Expecting value"),
    ],
)
def test_invalid_faults_over_http_change_nothing(body: str, words: str, faulty: Simulator) -> None:
    faulty.set_faults("status=503")
    json = {"Content-Type": "application/json"}
    answer = httpx.post(faulty.url + "/__faults", content=body, headers=json)
    assert (answer.status_code, words in answer.json()["error"]) == (400, True)
    assert get(faulty, TIME).status == 503


CROSS_SITE = {"Sec-Fetch-Site": "cross-site"}
JSON = {"Content-Type": "application/json; charset=utf-8"}


@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        ("POST", "/__faults", {**JSON, "Origin": "https://evil.example.com"}),
        ("POST", "/__faults", {**JSON, "Origin": "null"}),
        ("POST", "/__faults", {**JSON, **CROSS_SITE}),
        ("POST", "/__faults", {**JSON, "Sec-Fetch-Site": "same-site"}),
        ("POST", "/__faults", {"Content-Type": "text/plain"}),
        ("POST", "/__faults", {"Content-Type": "application/x-www-form-urlencoded"}),
        ("POST", "/__faults", {}),
        ("GET", "/__faults", {"Origin": "https://evil.example.com"}),
        ("GET", "/__truth", CROSS_SITE),
        ("GET", "/__clients", CROSS_SITE),
    ],
)
def test_web_pages_of_other_sites_are_refused(
    method: str, path: str, headers: dict[str, str], faulty: Simulator
) -> None:
    faulty.set_faults("status=503")
    answer = httpx.request(method, faulty.url + path, content="[]", headers=headers)
    assert answer.status_code == 403
    assert get(faulty, TIME).status == 503


def test_a_page_of_the_simulator_itself_may_replace_faults(faulty: Simulator) -> None:
    faulty.set_faults("status=503")
    ours = {**JSON, "Origin": faulty.url, "Sec-Fetch-Site": "same-origin"}
    assert httpx.post(faulty.url + "/__faults", content="[]", headers=ours).json() == []
    assert get(faulty, TIME).status == 200


def test_a_clock_that_is_ahead(faulty: Simulator) -> None:
    faulty.set_faults("clock=3600000")
    assert get(faulty, TIME).json["time"] == NOW + 3_600_000
    assert signed(faulty, "/v5/account/info", stamp=NOW).code == 10002


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--help"], ["[=value][:/path][*times][@when]", "/__faults", *KINDS]),
        (["--fault", "help"], ["could not start", *KINDS]),
    ],
)
def test_the_command_line_lists_every_kind(arguments: list[str], words: list[str]) -> None:
    code = "import sys; from exchange_simulator.command import main; sys.exit(main())"
    found = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={"COLUMNS": "200", "NO_COLOR": "1", "PATH": ""},
    )
    reported = found.stdout + found.stderr
    assert [word for word in words if word not in reported] == []
