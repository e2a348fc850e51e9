"""How long Bybit serves each history (documentation: "Get Order History", "Get Trade History", "Get
Transaction Log")."""

from exchange_simulator.markets import DAY

TWO_YEARS = 730 * DAY
RETENTION = {
    **dict.fromkeys(("trades", "orders", "transfers", "funding", "ledger"), TWO_YEARS),
    # canceled and rejected orders are served for one day
    "unfilled": DAY,
}
