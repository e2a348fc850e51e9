"""The sub-accounts of a simulated master account, as its key lists them."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SubAccount:
    uid: int
    name: str
    created_at: int
    """Milliseconds since 1970."""
    frozen: bool = False
