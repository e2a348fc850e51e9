"""The bad days of an exchange: which faults, and what is done about them."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class BadDay:
    """One fault in all the ways in which it strikes."""

    name: str
    answer: str
    """What the pipeline does, for the page."""
    faults: tuple[str, ...]
    """In the simulator's grammar; each strikes a sync of its own. "": none."""
    behind: int = 0
    """Milliseconds by which this machine's clock is behind the exchange's."""
    hasty: bool = False
    """Whether the client's patience with silence is cut, for the test's sake."""
    unreachable: bool = False
    """Whether the exchange's host name does not resolve."""


AGAIN = "retries up to four times, then leaves the rest to the next run"
STOPS = "stops at once: a retry fixes no key and makes a ban longer"
READS_THE_REST = "reads what the key may read, and names what it may not"
WAITS = "pauses what counts in the same limit, as long as requested (or needed), and retries"
SUSPECTS = "accepts an empty answer only with a known row, wallet or order as proof"
PROVES = "accepts only pages that prove nothing is missing; stores each row once, by its key"
READS = "reports the missing field and its endpoint, if the tables depend on it"


def _struck(name: str, answer: str, fault: str, **more: bool) -> BadDay:
    """From the first request on; from the third on (the first one asks for the time); twice."""
    ways = ("", "@3-", "*2@2-")
    return BadDay(name, answer, tuple(f"{fault}{way}" for way in ways), **more)


_ALWAYS = (
    _struck("the connection is refused", AGAIN, "refuse"),
    _struck("the connection is reset", AGAIN, "reset"),
    _struck("... in the headers", AGAIN, "reset=headers"),
    _struck("... in the body", AGAIN, "reset=body"),
    _struck("no answer at all", AGAIN, "hang", hasty=True),
    _struck("... after the headers", AGAIN, "hang=headers", hasty=True),
    _struck("... in the body", AGAIN, "hang=body", hasty=True),
    _struck("a truncated body that looks complete", AGAIN, "cut-body"),
    _struck("the connection is closed during the body", AGAIN, "close-body"),
    _struck("a body that is wrongly labeled as gzip", AGAIN, "bad-gzip"),
    BadDay("the exchange's host name does not resolve", AGAIN, ("",), unreachable=True),
    _struck("an HTML page", AGAIN, "html"),
    _struck("an empty body", AGAIN, "empty-body"),
    *(_struck(f"status {s}", AGAIN, f"status={s}") for s in (500, 502, 503, 504)),
    _struck("the exchange is busy", AGAIN, "busy"),
    _struck("maintenance", AGAIN, "maintenance"),
    _struck("too many requests", WAITS, "throttled"),
    _struck("... with `Retry-After`", WAITS, "throttled=2"),
    _struck("a ban", STOPS, "banned=120"),
    BadDay(
        "the clock is off by an hour",
        "measures the difference, uses the exchange's time and says so",
        ("",),
        behind=3_600_000,
    ),
    _struck("the key has expired", STOPS, "key=expired"),
    _struck("the key may not be used from this address", STOPS, "key=ip"),
    *(
        _struck(f"the key may not read {scope}", READS_THE_REST, f"key={scope}")
        for scope in ("account", "orders", "positions", "wallet")
    ),
)
# Kraken's errors have no numbers: these are the HTTP statuses that come nearest.
_CODES: Mapping[str, tuple[int, ...]] = {
    "bybit": (10000, 10006, 10016, 10018, 10429, 3400000),
    "binance": (1000, 1001, 1003, 1008, 1016, 9000),
    "okx": (50001, 50004, 50005, 50011, 50013, 50026, 59999),
    "kraken": (429, 500, 502, 503),
}
_ROWS = {
    "empty": ("an answer without rows", SUSPECTS),
    "doubled": ("every row twice", PROVES),
    "shuffled": ("rows in a different order", PROVES),
    "previous": ("the previous page again", PROVES),
}
_FIELDS = {
    "missing": "a field is missing",
    "renamed": "a field has a different name",
    "nulled": "a field is null",
    "retyped": "a field has a different type",
}
_AT_WILL: Mapping[str, frozenset[str]] = {
    "bybit": frozenset(),
    "binance": frozenset(),
    "okx": frozenset(),
    # an order that was placed without an id of the client's has none, or a null; who was the maker
    # does not return old trades
    "kraken": frozenset({"cl_ord_id", "maker"}),
}
"""Fields that an exchange leaves out at will: nobody can tell that one is missing."""


def bad_days(exchange: str, paths: Collection[str], fields: Collection[str]) -> tuple[BadDay, ...]:
    """All that are tried on a dataset that is asked for at `paths`, whose answers have `fields`."""
    codes = tuple(f"retcode={code}{way}" for code in _CODES[exchange] for way in ("", "@2-"))
    everywhere = ("", *(f":{path}" for path in sorted(paths)))
    spoilt = sorted(set(fields) - _AT_WILL[exchange])
    return (
        *_ALWAYS,
        BadDay(
            "the exchange's error codes",
            "classifies each code; reports an unknown one unchanged",
            codes,
        ),
        *(
            BadDay(name, answer, tuple(f"{kind}{path}" for path in everywhere))
            for kind, (name, answer) in _ROWS.items()
        ),
        *(
            BadDay(name, READS, tuple(f"{kind}={field}" for field in spoilt))
            for kind, name in _FIELDS.items()
        ),
    )
