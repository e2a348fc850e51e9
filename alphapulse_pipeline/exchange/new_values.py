"""Values that an exchange's documentation did not list when the venue was written."""

import logging
from collections.abc import Mapping
from functools import cache
from typing import TypeVar

T = TypeVar("T")

logger = logging.getLogger(__name__)


def meaning(field: str, value: str, known: Mapping[str, T], otherwise: T) -> T:
    """What a value means here; a new one is kept as `otherwise`, and reported once per run.

    The exchange's own value stays in the row's `raw`.
    """
    if value in known:
        return known[value]
    if value:
        report(field, value, str(otherwise))
    return otherwise


@cache
def report(field: str, value: str, kept_as: str) -> None:
    """Log that the exchange sent an unknown value; once, however many rows have it."""
    logger.warning(
        "the exchange sent an unknown %s, %r; it is stored as %r and nothing is lost (the column "
        "`raw` has the original). Update AlphaPulse Pipeline, or report this message",
        field,
        value[:60],
        kept_as[:60],
    )
