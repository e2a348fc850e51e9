"""Asset checks as data: a query for rows that must not exist, and its severity."""

from dataclasses import dataclass

NEVER_ASKED = "never asked"
"""Reason of a gap that has not been requested yet: not a failure."""


@dataclass(frozen=True)
class Check:
    """A check that fails if its query returns rows.

    Parameters of the query: `%(account)s`, `%(oldest)s` (the oldest time of a fresh snapshot),
    `%(due)s` (the schedules must have read what is older), `%(since)s`, `%(allow_trading_keys)s`
    and `%(allow_unknown_rights)s`.
    """

    dataset: str
    name: str
    description: str
    offenders: str
    """The worst row comes first. If its last column is in `warnings`, the check only warns."""
    warnings: frozenset[str] = frozenset({NEVER_ASKED})
    only_warns: bool = False
    facts: str = ""
    """A query whose rows are always shown."""
    hint: str = ""
    """What the user can do about a failure."""
    loads: bool = False
    """Rows that are only warnings pass while runs read the dataset."""
    reads_rows: bool = False
    """The query reads the dataset's table: in a run that writes it, only rows since `since`."""
