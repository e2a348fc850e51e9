"""How long Bybit serves each history (documentation: "Get Order History", "Get Trade History", "Get
Transaction Log", "Get Pre-upgrade Trade History")."""

from exchange_simulator.markets import DAY

TWO_YEARS = 730 * DAY
SIX_MONTHS = 180 * DAY
"""Of options and USDC contracts before the account's upgrade."""
RETENTION = {
    **dict.fromkeys(("trades", "orders", "transfers", "funding", "ledger"), TWO_YEARS),
    **{f"{name}:before the upgrade": SIX_MONTHS for name in ("trades", "orders", "funding")},
    # canceled and rejected orders are served for one day
    "unfilled": DAY,
}
