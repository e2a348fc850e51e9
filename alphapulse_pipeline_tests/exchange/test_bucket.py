"""The shared bucket: its limit is kept and used up, in whatever process, whatever happens."""

import multiprocessing
import os
import signal
import struct
import time
from collections.abc import Callable
from itertools import pairwise
from multiprocessing.connection import Connection
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphapulse_pipeline.exchange import bucket as module
from alphapulse_pipeline.exchange.bucket import Bucket, directory

BURST, PER_SECOND = 10.0, 5.0
asked = st.lists(
    st.tuples(st.floats(0, 20), st.floats(0.5, 12)), min_size=1, max_size=40
)  # seconds after the one before, cost


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def sent(requests: list[tuple[float, float]]) -> tuple[list[tuple[float, float]], list[float]]:
    """When each was sent and what it cost; and when it was asked for."""
    clock = Clock()
    bucket = Bucket(None, PER_SECOND, BURST, clock)
    times, moments = [], []
    for pause, cost in requests:
        clock.now += pause
        moments.append(clock.now)
        times.append((bucket.take(cost).at, cost))
    return times, moments


@given(asked)
def test_no_stretch_of_time_sees_more_than_the_bucket_holds(
    requests: list[tuple[float, float]],
) -> None:
    times, _ = sent(requests)
    assert all(a[0] <= b[0] + 1e-6 for a, b in pairwise(times))
    for first in range(len(times)):
        for last in range(first, len(times)):
            # the last one may go as soon as what was before it is paid
            cost = sum(cost for _, cost in times[first:last])
            stretch = times[last][0] - times[first][0]
            assert cost <= BURST + stretch * PER_SECOND + 1e-6


@given(asked)
def test_a_request_waits_only_for_what_others_have_taken(
    requests: list[tuple[float, float]],
) -> None:
    times, moments = sent(requests)
    for n, ((sent_at, _), asked_at) in enumerate(zip(times, moments, strict=True)):
        if sent_at > asked_at + 1e-6:
            # waited: then everything since some moment of rest went out at full speed
            assert any(
                sum(cost for _, cost in times[first:n])
                >= (sent_at - times[first][0]) * PER_SECOND - 1e-6
                for first in range(n)
            )


def test_the_bucket_refills_while_no_request_waits() -> None:
    clock = Clock()
    bucket = Bucket(None, 2, 1, clock)
    waited = 0.0
    for _ in range(100):
        wait = bucket.wait(bucket.take(2))
        waited += wait
        clock.now += wait + 0.3  # the answer takes a while, without other requests
    # a second each, answer and wait together; the first finds a full bucket
    assert waited == pytest.approx(99 * 0.7 - 0.5)


@pytest.fixture(params=[True, False], ids=["shared", "own"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[Clock], Bucket]:
    path = tmp_path / "bucket" if request.param else None
    return lambda clock: Bucket(path, PER_SECOND, BURST, clock)


def test_a_hold_delays_those_who_wait_and_those_who_come(
    opened: Callable[[Clock], Bucket],
) -> None:
    clock = Clock()
    bucket = opened(clock)
    turns = [bucket.take(BURST) for _ in range(3)]
    before = [bucket.wait(turn) for turn in turns]
    assert bucket.hold(30)
    assert not bucket.hold(20)  # is part of the first
    assert [bucket.wait(turn) for turn in turns] == pytest.approx([wait + 30 for wait in before])
    later = bucket.take(1)
    assert bucket.wait(later) == pytest.approx(30 + 2 * BURST / PER_SECOND)
    clock.now += 40
    assert bucket.wait(later) <= 0


def test_after_a_hold_requests_are_spread_again(opened: Callable[[Clock], Bucket]) -> None:
    clock = Clock()
    bucket = opened(clock)
    bucket.hold(60)
    waits = [bucket.wait(bucket.take(5)) for _ in range(3)]
    assert waits == pytest.approx([60, 61, 62])


def test_two_owners_of_a_file_take_turns(tmp_path: Path) -> None:
    clock = Clock()
    mine, other = (Bucket(tmp_path / "b", PER_SECOND, BURST, clock) for _ in range(2))
    turns = [bucket.take(5).at - clock.now for _ in range(4) for bucket in (mine, other)]
    assert turns == pytest.approx([0, 0, 0, 1, 2, 3, 4, 5])
    mine.close()
    other.close()


@pytest.mark.parametrize("change", [-500.0, -999.0], ids=["later", "at once"])
def test_after_a_reboot_the_bucket_is_new(tmp_path: Path, change: float) -> None:
    clock = Clock()
    bucket = Bucket(tmp_path / "b", PER_SECOND, BURST, clock)
    bucket.take(1000)
    bucket.hold(600)
    clock.now += change
    assert bucket.wait(bucket.take(1)) <= 0
    bucket.close()


@pytest.mark.parametrize(
    "content", [b"", b"half", struct.pack("<4d", float("nan"), 0, 0, 0), b"x" * 99]
)
def test_a_damaged_file_is_a_new_bucket(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "b").write_bytes(content)
    bucket = Bucket(tmp_path / "b", PER_SECOND, BURST)
    assert bucket.wait(bucket.take(1)) <= 0
    assert bucket.wait(bucket.take(BURST)) <= 0
    assert bucket.wait(bucket.take(1)) > 0
    bucket.close()


def _send(path: Path, number: int, times: Connection) -> None:
    bucket = Bucket(path, 100, BURST)
    for _ in range(number):
        turn = bucket.take(1)
        while (wait := bucket.wait(turn)) > 0:
            time.sleep(wait)
        times.send(time.monotonic())


def test_processes_together_keep_the_limit(tmp_path: Path) -> None:
    fork, number = multiprocessing.get_context("fork"), 20
    here, there = fork.Pipe(duplex=False)
    processes = [fork.Process(target=_send, args=(tmp_path / "b", number, there)) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    times = sorted(here.recv() for _ in range(3 * number))
    # what the bucket held at first went out at once, and the last one waited for all others
    assert times[-1] - times[0] >= (3 * number - BURST - 1) / 100 - 0.01


def _hold_the_file(path: Path, ready: Connection) -> None:
    bucket = Bucket(path, PER_SECOND, BURST)
    bucket.take(4)
    with bucket._locked() as (state, _):
        state.tokens = -1e9
        ready.send(True)
        signal.pause()


def test_a_process_that_is_killed_while_it_holds_the_file_takes_nothing_along(
    tmp_path: Path,
) -> None:
    fork = multiprocessing.get_context("fork")
    here, there = fork.Pipe(duplex=False)
    holder = fork.Process(target=_hold_the_file, args=(tmp_path / "b", there))
    holder.start()
    assert here.recv()
    os.kill(holder.pid or 0, signal.SIGKILL)
    bucket = Bucket(tmp_path / "b", PER_SECOND, BURST)
    assert bucket.wait(bucket.take(BURST - 4)) <= 0
    holder.join()
    bucket.close()


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(module, "directory", directory)
    directory.cache_clear()
    return tmp_path / "alphapulse" / "rate-limits" / os.uname().nodename


def test_the_directory_is_its_users_own(cache: Path) -> None:
    assert directory() == cache
    assert cache.stat().st_mode & 0o777 == 0o700


def test_a_directory_that_others_can_write_is_not_used(
    cache: Path, caplog: pytest.LogCaptureFixture
) -> None:
    cache.mkdir(parents=True)
    cache.chmod(0o777)
    assert directory() is None
    assert "others can write there" in caplog.text


def test_a_link_is_not_followed(cache: Path, tmp_path: Path) -> None:
    cache.parent.mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    cache.symlink_to(tmp_path / "elsewhere")
    assert directory() is None


def test_files_of_servers_that_are_gone_are_removed(cache: Path) -> None:
    cache.mkdir(parents=True, mode=0o700)
    for name, age in (("old", 2 * 86_400), ("new", 60)):
        (cache / name).touch()
        os.utime(cache / name, (time.time() - age,) * 2)
    directory()
    assert [path.name for path in cache.iterdir()] == ["new"]
