"""Faults that change which rows of a history the exchange reads."""

from collections.abc import Callable, Mapping, Sequence

from exchange_simulator.faults.grammar import Fault
from exchange_simulator.state import Span

_DAY = 86_400_000


def _exclusive_end(value: str) -> Span:
    return lambda first, last, now: (first, last - 1)


def _no_window(value: str) -> Span:
    return lambda first, last, now: (0, now)


def _short_window(days: str) -> Span:
    return lambda first, last, now: (max(first, min(last, now) - int(days) * _DAY), last)


def _short_retention(days: str) -> Span:
    return lambda first, last, now: (max(first, now - int(days) * _DAY), last)


_SPANS: Mapping[str, Callable[[str], Span]] = {
    "exclusive-end": _exclusive_end,
    "no-window": _no_window,
    "short-window": _short_window,
    "short-retention": _short_retention,
}


def altered_span(faults: Sequence[Fault]) -> Span:
    """Applies the faults in order."""
    spans = [_SPANS[fault.kind](fault.value) for fault in faults]

    def altered(first: int, last: int, now: int) -> tuple[int, int]:
        for span in spans:
            first, last = span(first, last, now)
        return first, last

    return altered
