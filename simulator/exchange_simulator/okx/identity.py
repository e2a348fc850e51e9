"""OKX's identifiers: milliseconds since 2019 began in Hong Kong, and 22 bits that tell apart what
shares one. Orders and bills are numbered alike; both rise with time, which is what pages rely on.
"""

_EPOCH = 1_546_272_000_000
_BITS = 22


def snowflake(at: int, number: int) -> int:
    """Rises with `at`, and within a millisecond with `number`."""
    return ((at - _EPOCH) << _BITS) + number % (1 << _BITS)


def moment(identifier: int) -> int:
    """The millisecond in which something of this identifier happened."""
    return (identifier >> _BITS) + _EPOCH
