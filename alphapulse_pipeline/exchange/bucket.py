"""A token bucket that all processes of a user on this machine share.

Its state is a file of 32 bytes, locked while it is read and written, which takes microseconds. The
lock ends with the process that holds it. Times are the monotonic clock's, which is the same in all
processes and does not jump when the date is set; after a reboot, which sets it back, the bucket is
new.
"""

import fcntl
import logging
import math
import os
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import NamedTuple

logger = logging.getLogger(__name__)

_FORMAT = struct.Struct("<4d")
_LONGEST_HOLD = 3600.0
"""Seconds. A state that says more is from before a reboot."""
_UNUSED = 86_400.0
"""Seconds after which the file of a bucket is removed."""


@dataclass
class _State:
    tokens: float
    """Negative: what requests have taken in advance."""
    filled_at: float
    held_until: float
    held: float
    """Seconds for which the bucket has been held so far, all holds added up."""


class Turn(NamedTuple):
    """When a request's turn comes: monotonic seconds, later by every hold that begins meanwhile."""

    at: float
    held: float


class Bucket:
    """Requests go in the order in which they took their tokens, whatever process they are in.

    A request may go as soon as the bucket is not negative, as otherwise one that costs more than
    the bucket holds would wait forever. So within any stretch of time, the cost of all requests but
    the last is at most `burst` and what has flowed in.
    """

    def __init__(
        self,
        path: Path | None,
        per_second: float,
        burst: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Without a path, the bucket is this object's own."""
        self._path = path
        self.per_second = per_second
        self._burst = burst
        self._clock = clock
        self._file: int | None = None
        self._own = self._new(clock())

    def take(self, cost: float) -> Turn:
        """Take the tokens for one request. The caller waits for its turn."""
        with self._locked() as (state, now):
            turn = Turn(now + max(-state.tokens, 0) / self.per_second, state.held)
            state.tokens -= cost
        return turn

    def wait(self, turn: Turn) -> float:
        """Seconds until the turn comes; not positive if it has come."""
        with self._locked() as (state, now):
            return turn.at + state.held - turn.held - now

    def hold(self, seconds: float) -> bool:
        """Let no request through for `seconds`, whoever waits; then go on from an empty bucket.

        Returns whether that is news, i.e. much later than an earlier hold ends.
        """
        with self._locked() as (state, now):
            until = now + min(seconds, _LONGEST_HOLD)
            longer = until - max(state.held_until, now)
            state.tokens = min(state.tokens, 0)
            if longer > 0:
                state.held_until = until
                state.held += longer
                state.tokens -= longer * self.per_second
        return longer > 1

    def close(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _new(self, now: float) -> _State:
        return _State(self._burst, now, now, 0.0)

    @contextmanager
    def _locked(self) -> Iterator[tuple[_State, float]]:
        """The state, refilled up to now; changes are stored at the end."""
        if self._path is None:
            yield self._refilled(self._own)
            return
        if self._file is None:
            self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._file, fcntl.LOCK_EX)
        try:
            stored = os.pread(self._file, _FORMAT.size, 0)
            whole = len(stored) == _FORMAT.size
            state = _State(*_FORMAT.unpack(stored)) if whole else self._new(self._clock())
            state, now = self._refilled(state)
            yield state, now
            packed = _FORMAT.pack(state.tokens, state.filled_at, state.held_until, state.held)
            os.pwrite(self._file, packed, 0)
        finally:
            fcntl.flock(self._file, fcntl.LOCK_UN)

    def _refilled(self, state: _State) -> tuple[_State, float]:
        now = self._clock()
        values = (state.tokens, state.filled_at, state.held_until, state.held)
        if (
            not all(map(math.isfinite, values))
            or state.filled_at > now
            or state.held_until > now + _LONGEST_HOLD
        ):
            state = self._new(now)
        filled = state.tokens + (now - state.filled_at) * self.per_second
        state.tokens, state.filled_at = min(filled, self._burst), now
        return state, now


@cache
def directory() -> Path | None:
    """Where the buckets of this user on this machine are; None if there is no safe place.

    Below the user's cache rather than the temporary directory, which services and terminals may not
    share (systemd's `PrivateTmp`). Named after the machine, since several may share a home.
    """
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    path = Path(base) / "alphapulse" / "rate-limits" / os.uname().nodename
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = path.lstat()
        if status.st_uid == os.geteuid() and not status.st_mode & 0o077:
            _remove_unused(path)
            return path
        problem = "others can write there"
    except OSError as error:
        problem = str(error.strerror)
    logger.warning(
        "rate limits are not shared between accounts, since %s cannot be used: %s; make it a "
        "directory of this user with mode 0700",
        path,
        problem,
    )
    return None


def _remove_unused(folder: Path) -> None:
    """Servers come and go, such as simulators on a free port. A bucket is full long before."""
    for path in folder.iterdir():
        if path.stat().st_mtime < time.time() - _UNUSED:
            path.unlink(missing_ok=True)
