"""The pages of Binance's options that its sources rely on, as data; see `pages.py`."""

from alphapulse_pipeline.exchange.venues.binance.pages import OPTIONS, OPTIONS_WEIGHT, page

_WINDOW = (
    "the limits are those of developers.binance.com/docs/derivatives/option, undated. The longest "
    "window is not documented: windows of 7 days"
)
_UNKNOWN_RETENTION = (
    "no retention is documented: beyond the three months of the funding flow, silence proves "
    "nothing"
)
FUNDING_FLOW = page(
    f"{OPTIONS}account#account-funding-flow",
    f"1 {OPTIONS_WEIGHT}",
    1000,
    100,
    note=f"in USDT only; {_WINDOW}; neither is which type an entry has that pays out what expired. "
    "Rows name neither contract nor order",
)
FILLS = page(
    f"{OPTIONS}trade#account-trade-list",
    f"5 {OPTIONS_WEIGHT}",
    1000,
    100,
    note="one request per contract: of those that the account is known to have held or exercised, "
    "from 400 days before they expire; the symbol was optional until 2026-07-14. A fee is negative "
    "when it is paid. Rows do not say how many coins a contract has: see Exchange Information; "
    f"{_WINDOW}; {_UNKNOWN_RETENTION}. The history of orders is of the security type TRADE, and "
    "whether a key that may only read has it is left open: it is not read",
)
EXERCISES = page(
    f"{OPTIONS}trade#user-exercise-record",
    f"5 {OPTIONS_WEIGHT}",
    1000,
    1000,
    note="the signs of amount and fee are not documented: what was bought is paid, what was sold "
    f"pays, and the fee is paid; {_WINDOW}; {_UNKNOWN_RETENTION}",
)
