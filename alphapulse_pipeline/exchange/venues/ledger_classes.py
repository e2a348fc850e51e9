"""Classes of ledger entries.

An entry whose class a history declares in its `ledger_classes` is left out of the sums of balance
movements if the row that it repeats is stored; it counts if there is none. Entries of the other
classes always count. So a class says what an entry is, and decides in which part it counts; only a
fill (trade, fee) that the ledger has alone is reported as missing.
"""

import re
from collections.abc import Mapping

from alphapulse_pipeline.exchange.new_values import meaning

_LOAN = re.compile("borrow|repay|loan", re.IGNORECASE)


def ledger_class(kind: str, classes: Mapping[str, str]) -> str:
    """The class of an entry of an exchange's `kind`, according to the exchange's `classes`.

    Unlisted kinds are loans if their name says so, otherwise "other", and are reported once.
    """
    unlisted = "loan" if _LOAN.search(kind) else "other"
    return meaning("kind of ledger entry", kind, classes, unlisted)
