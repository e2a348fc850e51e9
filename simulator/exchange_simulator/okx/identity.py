"""OKX's ids: milliseconds since the start of 2019 in Hong Kong, and 22 bits that distinguish ids of
the same millisecond. Orders and bills use the same scheme. Ids increase with time, which paging
relies on."""

_EPOCH = 1_546_272_000_000
_BITS = 22


def snowflake(at: int, number: int) -> int:
    """Increases with `at`, and within a millisecond with `number`."""
    return ((at - _EPOCH) << _BITS) + number % (1 << _BITS)


def moment(identifier: int) -> int:
    """The millisecond that an id encodes."""
    return (identifier >> _BITS) + _EPOCH
