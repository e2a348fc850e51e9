"""Broken connections and corrupt bodies, byte by byte."""

import socket
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import NamedTuple

import httpx
import pytest

from exchange_simulator import Simulator, World, serve
from exchange_simulator_tests.client import get
from exchange_simulator_tests.conftest import NOW

TICKERS = "/v5/market/tickers?category=linear"


class SeenRequest(NamedTuple):
    head: bytes
    body: bytes
    end: str
    """"closed", "reset" or "silent"."""

    @property
    def promised(self) -> int:
        return int(self.head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])


@contextmanager
def requesting(simulator: Simulator, path: str, timeout: float) -> Iterator[socket.socket]:
    with closing(socket.create_connection(("127.0.0.1", simulator.port))) as connection:
        connection.settimeout(timeout)
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: here\r\n\r\n".encode())
        yield connection


def raw(simulator: Simulator, path: str = TICKERS, timeout: float = 10) -> SeenRequest:
    found = b""
    with requesting(simulator, path, timeout) as connection:
        while True:
            try:
                part = connection.recv(65536)
            except ConnectionResetError:
                end = "reset"
                break
            except TimeoutError:
                end = "silent"
                break
            if not part:
                end = "closed"
                break
            found += part
    head, _, body = found.partition(b"\r\n\r\n")
    return SeenRequest(head, body, end)


@pytest.fixture
def whole(faulty: Simulator) -> bytes:
    faulty.set_faults()
    return get(faulty, TICKERS).body


def test_a_refused_connection_is_closed_without_an_answer(faulty: Simulator) -> None:
    faulty.set_faults("refuse*1")
    assert raw(faulty) == (b"", b"", "closed")
    assert get(faulty, TICKERS).code == 0


def test_a_reset_before_the_answer(faulty: Simulator) -> None:
    faulty.set_faults("reset")
    assert raw(faulty) == (b"", b"", "reset")


def test_a_reset_in_the_middle_of_the_headers(faulty: Simulator) -> None:
    faulty.set_faults("reset=headers")
    head, body, end = raw(faulty)
    assert (head[:15], body, end) == (b"HTTP/1.1 200 OK", b"", "reset")
    assert b"content-length" not in head


def test_a_reset_in_the_middle_of_the_body(faulty: Simulator, whole: bytes) -> None:
    faulty.set_faults("reset=body")
    seen = raw(faulty)
    assert (seen.body, seen.end) == (whole[: len(whole) // 2], "reset")
    assert seen.promised == len(whole)


def test_a_connection_that_is_closed_in_the_middle_of_the_body(
    faulty: Simulator, whole: bytes
) -> None:
    faulty.set_faults("close-body")
    seen = raw(faulty)
    assert (seen.body, seen.end) == (whole[: len(whole) // 2], "closed")
    assert seen.promised == len(whole)
    with pytest.raises(httpx.RemoteProtocolError):
        httpx.get(faulty.url + TICKERS)


def test_a_truncated_body_with_a_matching_length(faulty: Simulator, whole: bytes) -> None:
    faulty.set_faults("cut-body")
    answer = httpx.get(faulty.url + TICKERS)
    assert answer.content == whole[: len(whole) // 2]
    with pytest.raises(ValueError, match=r"Unterminated|Expecting"):
        answer.json()


def test_silence(faulty: Simulator) -> None:
    faulty.set_faults("hang")
    assert raw(faulty, timeout=1) == (b"", b"", "silent")


def test_silence_after_the_headers(faulty: Simulator, whole: bytes) -> None:
    faulty.set_faults("hang=headers")
    seen = raw(faulty, timeout=1)
    assert (seen.body, seen.end, seen.promised) == (b"", "silent", len(whole))


def test_silence_after_half_the_body(faulty: Simulator, whole: bytes) -> None:
    faulty.set_faults("hang=body")
    seen = raw(faulty, timeout=1)
    assert (seen.body, seen.end) == (whole[: len(whole) // 2], "silent")
    with pytest.raises(httpx.ReadTimeout):
        httpx.get(faulty.url + TICKERS, timeout=1)


def test_one_request_that_hangs_does_not_keep_the_others_waiting(faulty: Simulator) -> None:
    faulty.set_faults("hang@1")
    with requesting(faulty, TICKERS, 5) as connection:
        while not faulty.faults()[0]["fired"]:
            time.sleep(0.005)
        assert get(faulty, TICKERS).code == 0
        connection.settimeout(0.05)
        with pytest.raises(TimeoutError):
            connection.recv(1)


def test_a_server_can_be_stopped_while_clients_hang(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    with serve(world, clock=lambda: NOW, faults=["hang"]) as simulator:
        connection = socket.create_connection(("127.0.0.1", simulator.port))
        connection.sendall(f"GET {TICKERS} HTTP/1.1\r\nHost: here\r\n\r\n".encode())
        while not simulator.faults()[0]["fired"]:
            time.sleep(0.005)
    with closing(connection):
        connection.settimeout(10)
        assert connection.recv(1) == b""
    assert [record for record in caplog.records if record.exc_info] == []


def test_a_body_that_is_not_gzip(faulty: Simulator, whole: bytes) -> None:
    faulty.set_faults("bad-gzip")
    seen = raw(faulty, timeout=1)
    assert b"content-encoding: gzip" in seen.head
    assert seen.body == whole
    with pytest.raises(httpx.DecodingError):
        httpx.get(faulty.url + TICKERS)


def test_html_with_status_200(faulty: Simulator) -> None:
    faulty.set_faults("html")
    answer = httpx.get(faulty.url + TICKERS)
    assert (answer.status_code, answer.text[:6]) == (200, "<html>")
    assert answer.headers["content-type"].startswith("text/html")


def test_status_200_with_an_empty_body(faulty: Simulator) -> None:
    faulty.set_faults("empty-body")
    answer = httpx.get(faulty.url + TICKERS)
    assert (answer.status_code, answer.content) == (200, b"")


def test_a_delay_is_combined_with_other_faults(faulty: Simulator) -> None:
    faulty.set_faults("delay=0.1", "delay=0.1", "status=503")
    before = time.monotonic()
    assert get(faulty, TICKERS).status == 503
    assert time.monotonic() - before >= 0.2
