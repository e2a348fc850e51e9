"""Classes of ledger entries.

An entry whose class a history declares in its `ledger_classes` repeats a row of that history, so
the sums of balance movements leave it out. Entries of the other classes count. An entry that no
history is known to repeat must get a class that counts: otherwise its amount would be missing from
the sums.
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
