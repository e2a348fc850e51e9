"""How long Binance serves each history (documentation: the notes of each endpoint)."""

from collections.abc import Mapping

from exchange_simulator.markets import DAY
from exchange_simulator.records import Conditional

SIX_MONTHS = 180 * DAY
EIGHTEEN_MONTHS = 540 * DAY
NINETY_DAYS = 90 * DAY
# the fewest days that they can have
THREE_MONTHS = 89 * DAY

RETENTION: Mapping[str, int] = {
    "trades:usdm": SIX_MONTHS,
    "trades:coinm": SIX_MONTHS,
    # not documented
    "trades:portfolio margin": SIX_MONTHS,
    "trades:option": THREE_MONTHS,
    "orders:usdm": NINETY_DAYS,
    "orders:coinm": NINETY_DAYS,
    # Binance counts the three days from when the order was placed, not from its end
    "unfilled:usdm": 3 * DAY,
    "unfilled:coinm": 3 * DAY,
    "orders:portfolio margin": NINETY_DAYS,
    "unfilled:portfolio margin": 3 * DAY,
    "unfilled": NINETY_DAYS,
    # deposits and withdrawals never expire
    "transfers:transfer": SIX_MONTHS,
    # not documented
    "transfers:fiat deposits": SIX_MONTHS,
    "transfers:fiat withdrawals": SIX_MONTHS,
    "transfers:purchases from outside": SIX_MONTHS,
    "conversions:purchases": SIX_MONTHS,
    "conversions:sales": SIX_MONTHS,
    "conversions:eth stakes": SIX_MONTHS,
    "conversions:eth redemptions": SIX_MONTHS,
    "conversions:beth wraps": SIX_MONTHS,
    "conversions:wbeth unwraps": SIX_MONTHS,
    "conversions:sol stakes": SIX_MONTHS,
    "conversions:sol redemptions": SIX_MONTHS,
    "transfers:p2p purchases": SIX_MONTHS,
    "transfers:p2p sales": SIX_MONTHS,
    "transfers:pay": EIGHTEEN_MONTHS,
    "funding:usdm": THREE_MONTHS,
    "ledger:usdm": THREE_MONTHS,
    "funding:portfolio margin": THREE_MONTHS,
    "ledger:portfolio margin": THREE_MONTHS,
    "ledger:portfolio loans": SIX_MONTHS,
    "ledger:portfolio repayments": SIX_MONTHS,
    "ledger:portfolio interest": SIX_MONTHS,
    # not documented
    "funding:coinm": THREE_MONTHS,
    "ledger:coinm": THREE_MONTHS,
    "ledger:option": THREE_MONTHS,
    "ledger:loan": SIX_MONTHS,
    "ledger:margin": NINETY_DAYS,
    "ledger:isolated": NINETY_DAYS,
    # of rewards; not documented
    "ledger:spot": SIX_MONTHS,
    "ledger:earn": SIX_MONTHS,
}
UNSERVED = frozenset(
    {
        "ledger:spot",
        "ledger:funding",
        "ledger:earn",
        "orders:option",
        "ledger:staking",
        "balance_after",
        "transfers:between accounts",
    }
)


def conditional_expired(order: Conditional, at: int) -> bool:
    """Whether a conditional order is no longer found; one that is open always is."""
    status = order.status(at)
    kept = {"open": at, "closed": NINETY_DAYS, "canceled": 3 * DAY}[status]
    return order.happened_at < at - kept
