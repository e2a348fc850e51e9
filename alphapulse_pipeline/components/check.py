"""What a check is: a query that finds what must not be there, and how bad that is."""

from dataclasses import dataclass

NEVER_ASKED = "never asked"
"""The reason of what is on its way: no fault yet."""


@dataclass(frozen=True)
class Check:
    """A check that fails where its query finds rows.

    The query is given `%(account)s`, `%(oldest)s` (how old a snapshot may be), `%(since)s` and
    `%(allow_trading_keys)s`.
    """

    dataset: str
    name: str
    description: str
    offenders: str
    """The worst row first. Where its last column is one of `warnings`, the check only warns."""
    warnings: frozenset[str] = frozenset({NEVER_ASKED})
    only_warns: bool = False
    facts: str = ""
    """A query for what is shown in any case, whatever is found."""
    hint: str = ""
    """What can be done about it."""
    reads_rows: bool = False
    """It reads the history itself: in a run that writes it, only rows recorded after `since`."""
