"""Ids of orders, fills and transfers, derived from the seed and a number."""

from hashlib import blake2b

from exchange_simulator.pseudorandom import mix


def uuid(seed: int, kind: str, number: int) -> str:
    text = blake2b(f"{seed}/{kind}/{number}".encode(), digest_size=16).hexdigest()
    return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-a{text[17:20]}-{text[20:]}"


def snowflake(seed: int, number: int, at: int) -> str:
    """Nineteen digits that increase with time, like the order ids of spot matching engines."""
    return str((at << 20) + (number << 6 & 0xFFFFF) + mix(seed, number) % 64)


def hexadecimal(seed: int, kind: str, number: int) -> str:
    return blake2b(f"{seed}/{kind}/{number}".encode(), digest_size=32).hexdigest()
