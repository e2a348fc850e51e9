"""API keys of the simulated account and their permissions."""

from dataclasses import dataclass
from typing import Literal

Scope = Literal["account", "orders", "positions", "wallet", "accounts", "earn"]
ALL_SCOPES: frozenset[Scope] = frozenset(
    {"account", "orders", "positions", "wallet", "accounts", "earn"}
)
"""`accounts`: transfers between accounts of the same owner. `earn`: on exchanges where Earn needs a
permission of its own."""

DEMO_KEY = "alphapulse-demo-key"
DEMO_SECRET = "alphapulse-demo-secret"  # noqa: S105 - only valid for the simulator
DEMO_PASSPHRASE = "alphapulse-demo-passphrase"  # noqa: S105 - only valid for the simulator
DEMO_UID = 24617703


@dataclass(frozen=True, slots=True)
class Key:
    """`scopes`: readable parts of the account. `expires_at`: milliseconds, None for never."""

    key: str = DEMO_KEY
    secret: str = DEMO_SECRET
    passphrase: str = DEMO_PASSPHRASE
    scopes: frozenset[Scope] = ALL_SCOPES
    may_trade: bool = False
    may_withdraw: bool = False
    expires_at: int | None = None
    ips: tuple[str, ...] = ("*",)
    uid: int = DEMO_UID
    sub_account: bool = False
    demo: bool = False
    """Whether it is for demo trading, which on some exchanges serves only some endpoints."""
