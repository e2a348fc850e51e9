"""How many examples a fuzzing test runs, which ones, and what ends one that hangs."""

import faulthandler
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from random import SystemRandom
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

NIGHTLY = int(os.environ.get("ALPHAPULSE_FUZZ_EXAMPLES", "10000"))
"""Examples of each endpoint or file in the nightly run."""
SEED = os.environ.get("ALPHAPULSE_FUZZ_SEED") or str(SystemRandom().randrange(10**9))
"""Of the nightly examples; a failure shows it, and the same seed makes the same ones again."""
_HANGS = 120
"""Seconds. A thread that holds the interpreter's lock cannot be interrupted, only ended."""


def fuzz(check: Callable[[Any], None], examples: int, *, quick: bool) -> None:
    """Run `check` with `examples` sources of random choices (hypothesis' `data()`).

    The quick run is the same every time; the nightly one is not, and remembers what failed.
    """

    def bounded(data: Any) -> None:
        with ended_if_it_hangs():
            check(data)

    settings(
        max_examples=examples,
        deadline=None,
        derandomize=quick,
        phases=[Phase.explicit, Phase.generate] if quick else tuple(Phase),
        suppress_health_check=list(HealthCheck),
    )(given(st.data())(bounded))()


@contextmanager
def ended_if_it_hangs() -> Iterator[None]:
    assert sys.__stderr__ is not None  # what pytest replaces has no descriptor
    faulthandler.dump_traceback_later(_HANGS, exit=True, file=sys.__stderr__)
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()
