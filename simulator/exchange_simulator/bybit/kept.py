"""For how long Bybit serves what (documentation: "Get Order History", "Get Trade History", "Get
Transaction Log")."""

from exchange_simulator.markets import DAY

TWO_YEARS = 730 * DAY
KEPT = {
    **dict.fromkeys(("trades", "orders", "transfers", "funding", "ledger"), TWO_YEARS),
    # cancelled and rejected ones are told of for a day
    "unfilled": DAY,
}
