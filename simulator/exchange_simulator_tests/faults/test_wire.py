"""What a client sees of a connection that breaks or a body that is spoilt, byte by byte."""

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


class Seen(NamedTuple):
    head: bytes
    body: bytes
    end: str
    """"closed", "reset" or "silent"."""

    @property
    def promised(self) -> int:
        return int(self.head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])


@contextmanager
def asking(simulator: Simulator, path: str, patience: float) -> Iterator[socket.socket]:
    with closing(socket.create_connection(("127.0.0.1", simulator.port))) as connection:
        connection.settimeout(patience)
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: here\r\n\r\n".encode())
        yield connection


def raw(simulator: Simulator, path: str = TICKERS, patience: float = 10) -> Seen:
    found = b""
    with asking(simulator, path, patience) as connection:
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
    return Seen(head, body, end)


@pytest.fixture
def whole(sick: Simulator) -> bytes:
    sick.set_faults()
    return get(sick, TICKERS).body


def test_a_refused_connection_is_closed_without_an_answer(sick: Simulator) -> None:
    sick.set_faults("refuse*1")
    assert raw(sick) == (b"", b"", "closed")
    assert get(sick, TICKERS).code == 0


def test_a_reset_before_the_answer(sick: Simulator) -> None:
    sick.set_faults("reset")
    assert raw(sick) == (b"", b"", "reset")


def test_a_reset_in_the_middle_of_the_headers(sick: Simulator) -> None:
    sick.set_faults("reset=headers")
    head, body, end = raw(sick)
    assert (head[:15], body, end) == (b"HTTP/1.1 200 OK", b"", "reset")
    assert b"content-length" not in head


def test_a_reset_in_the_middle_of_the_body(sick: Simulator, whole: bytes) -> None:
    sick.set_faults("reset=body")
    seen = raw(sick)
    assert (seen.body, seen.end) == (whole[: len(whole) // 2], "reset")
    assert seen.promised == len(whole)


def test_a_connection_that_is_closed_in_the_middle_of_the_body(
    sick: Simulator, whole: bytes
) -> None:
    sick.set_faults("close-body")
    seen = raw(sick)
    assert (seen.body, seen.end) == (whole[: len(whole) // 2], "closed")
    assert seen.promised == len(whole)
    with pytest.raises(httpx.RemoteProtocolError):
        httpx.get(sick.url + TICKERS)


def test_a_body_that_ends_in_the_middle_as_if_it_were_whole(sick: Simulator, whole: bytes) -> None:
    sick.set_faults("cut-body")
    answer = httpx.get(sick.url + TICKERS)
    assert answer.content == whole[: len(whole) // 2]
    with pytest.raises(ValueError, match=r"Unterminated|Expecting"):
        answer.json()


def test_silence_instead_of_an_answer(sick: Simulator) -> None:
    sick.set_faults("hang")
    assert raw(sick, patience=0.2) == (b"", b"", "silent")


def test_silence_after_the_headers(sick: Simulator, whole: bytes) -> None:
    sick.set_faults("hang=headers")
    seen = raw(sick, patience=0.2)
    assert (seen.body, seen.end, seen.promised) == (b"", "silent", len(whole))


def test_silence_after_half_the_body(sick: Simulator, whole: bytes) -> None:
    sick.set_faults("hang=body")
    seen = raw(sick, patience=0.2)
    assert (seen.body, seen.end) == (whole[: len(whole) // 2], "silent")
    with pytest.raises(httpx.ReadTimeout):
        httpx.get(sick.url + TICKERS, timeout=0.2)


def test_one_request_that_hangs_does_not_keep_the_others_waiting(sick: Simulator) -> None:
    sick.set_faults("hang@1")
    with asking(sick, TICKERS, 5) as connection:
        while not sick.faults()[0]["struck"]:
            time.sleep(0.005)
        assert get(sick, TICKERS).code == 0
        connection.settimeout(0.05)
        with pytest.raises(TimeoutError):
            connection.recv(1)


def test_a_server_can_be_stopped_while_clients_hang(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    with serve(world, clock=lambda: NOW, faults=["hang"]) as simulator:
        connection = socket.create_connection(("127.0.0.1", simulator.port))
        connection.sendall(f"GET {TICKERS} HTTP/1.1\r\nHost: here\r\n\r\n".encode())
        while not simulator.faults()[0]["struck"]:
            time.sleep(0.005)
    with closing(connection):
        connection.settimeout(10)
        assert connection.recv(1) == b""
    assert [record for record in caplog.records if record.exc_info] == []


def test_gzip_that_is_none(sick: Simulator, whole: bytes) -> None:
    sick.set_faults("bad-gzip")
    seen = raw(sick, patience=0.2)
    assert b"content-encoding: gzip" in seen.head
    assert seen.body == whole
    with pytest.raises(httpx.DecodingError):
        httpx.get(sick.url + TICKERS)


def test_html_with_status_200(sick: Simulator) -> None:
    sick.set_faults("html")
    answer = httpx.get(sick.url + TICKERS)
    assert (answer.status_code, answer.text[:6]) == (200, "<html>")
    assert answer.headers["content-type"].startswith("text/html")


def test_status_200_and_nothing_else(sick: Simulator) -> None:
    sick.set_faults("empty-body")
    answer = httpx.get(sick.url + TICKERS)
    assert (answer.status_code, answer.content) == (200, b"")


def test_a_delay_goes_with_whatever_else_strikes(sick: Simulator) -> None:
    sick.set_faults("delay=0.1", "delay=0.1", "status=503")
    before = time.monotonic()
    assert get(sick, TICKERS).status == 503
    assert time.monotonic() - before >= 0.2
