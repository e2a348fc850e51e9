"""The names that exchanges give to orders, fills and transfers: a function of seed and number."""

from hashlib import blake2b

from exchange_simulator.noise import mix


def uuid(seed: int, kind: str, number: int) -> str:
    text = blake2b(f"{seed}/{kind}/{number}".encode(), digest_size=16).hexdigest()
    return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-a{text[17:20]}-{text[20:]}"


def snowflake(seed: int, number: int, at: int) -> str:
    """Nineteen digits that rise with time, as spot matching engines number their orders."""
    return str((at << 20) + (number << 6 & 0xFFFFF) + mix(seed, number) % 64)


def hexadecimal(seed: int, kind: str, number: int) -> str:
    return blake2b(f"{seed}/{kind}/{number}".encode(), digest_size=32).hexdigest()
