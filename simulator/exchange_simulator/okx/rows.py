"""Where the rows are in OKX's answers, and what an empty answer looks like."""

from exchange_simulator.rows import Rows

ROWS = (
    Rows((), "/api/v5/public/time"),
    Rows((), "/api/v5/account/config"),
    # an empty account is one row with figures and no details
    Rows(("data.0.details",), "/api/v5/account/balance", zeroed="data.0"),
    Rows(("data",)),
)
