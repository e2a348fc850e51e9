"""What an exchange's documentation says about an endpoint, as data beside the source."""

from dataclasses import dataclass
from datetime import timedelta

# A page that says months may mean calendar months or thirty days each: these are the shorter.
THREE_MONTHS = timedelta(days=89)
"""From February to April."""
SIX_MONTHS = timedelta(days=180)
"""Of thirty days; any six calendar months have at least 181."""


@dataclass(frozen=True, kw_only=True)
class Documented:
    """One page of an exchange's documentation.

    The window, the retention and the order in which a feed relies on it are fields of the feed and
    its paging; here is what the page says beyond them, and what it leaves open.
    """

    page: str
    """The URL without its scheme, e.g. `bybit-exchange.github.io/docs/v5/order/execution`."""
    dated: str
    """The date that the page or its repository carries, e.g. `2026-02-04`."""
    limit: int | None = None
    """The most rows that one answer may have."""
    default_limit: int | None = None
    """The rows of one answer if the request does not say how many."""
    order: str = ""
    """The order of the rows, in the page's words; empty if the page does not say."""
    lag: timedelta | None = None
    """How late rows appear."""
    cost: str = ""
    """What a request costs, e.g. `20 of 2400 per minute and IP`."""
    permission: str = ""
    """The permission that the key needs, as the exchange's website names it."""
    note: str = ""
    """What the page leaves open or contradicts, and how it is read here."""

    def whole_below(self, requested: int | None) -> int | None:
        """An answer with fewer rows than this is not truncated; None if that is not documented.

        Parameters do get lost on the way, so the default counts as well as the limit requested.
        """
        documented = [n for n in (self.limit, self.default_limit) if n is not None]
        return (
            min([*documented, *([] if requested is None else [requested])]) if documented else None
        )

    def honors(self, requested: int | None, rows: int) -> bool:
        """Whether an answer of so many rows shows that the limit requested arrived, and is not
        truncated by it."""
        if self.default_limit is None or requested is None:
            return False
        return self.default_limit < rows < min(requested, self.limit or requested)
