"""Where rows lie in OKX's answers, and what goes with none."""

from exchange_simulator.rows import Rows

ROWS = (
    Rows((), "/api/v5/public/time"),
    Rows((), "/api/v5/account/config"),
    # an account that holds nothing is a row with figures and no details
    Rows(("data.0.details",), "/api/v5/account/balance", nought="data.0"),
    Rows(("data",)),
)
