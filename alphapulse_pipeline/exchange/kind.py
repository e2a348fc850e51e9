"""The kinds of failures of an exchange."""

from enum import StrEnum


class Kind(StrEnum):
    """The kind of a failure, which decides how it is handled."""

    TRANSIENT = "transient"
    """Retry: network trouble, maintenance, or a response that is not JSON."""
    THROTTLED = "throttled"
    """Wait as long as the exchange says, then retry."""
    BANNED = "banned"
    """Stop: further requests prolong the ban."""
    CREDENTIALS = "credentials"
    """Stop: a retry does not fix a key."""
    PERMISSION = "permission"
    """The key may not read this endpoint; others may still answer."""
    NOT_ENABLED = "not enabled"
    """The account never opened this product: a state, not a failure."""
    NOT_OFFERED = "not offered"
    """The exchange does not offer this list to this account: a state of this list alone."""
    RESTRICTED = "restricted"
    """Stop: the exchange does not serve this location, or not this user."""
    CLOCK = "clock"
    """Stop: this machine's clock and the exchange's disagree."""
    UNSUPPORTED = "unsupported"
    """The exchange does not offer this; recorded, not a failure."""
    TOO_OLD = "too old"
    """The exchange no longer keeps rows this old."""
    NO_MARKET = "no market"
    """The exchange does not know the market."""
    NOT_FOUND = "not found"
    """The exchange does not know the order."""
    INCOMPLETE = "incomplete"
    """The exchange answered, but the answers do not prove that nothing is missing."""
    UNREADABLE = "unreadable"
    """The answer has an unexpected format: a field is missing or has a different type."""
    REFUSED = "refused"
    """The exchange rejected the request with an error code we do not know."""
    SUSPECT = "suspect"
    """An empty answer that contradicts an earlier one."""
    BUG = "bug"
    """Unexplained: most likely a bug in this package or in ccxt."""


FINAL = (Kind.CREDENTIALS, Kind.BANNED, Kind.RESTRICTED)
"""The exchange refuses the whole account: every other request would fail as well."""
