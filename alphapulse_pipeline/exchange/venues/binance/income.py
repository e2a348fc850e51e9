"""Rows of the income of futures, which has the same form with and without Portfolio Margin."""

from alphapulse_pipeline.datasets.values import Row, number
from alphapulse_pipeline.exchange.feed import Raw
from alphapulse_pipeline.exchange.venues.ledger_classes import ledger_class

INCOME_FIELDS = ("tranId", "incomeType", "income", "asset", "time", "symbol", "tradeId")
# incomeType of futures, or type of margin's capital flow -> class
CLASSES = {
    "REALIZED_PNL": "trade",
    "COMMISSION": "fee",
    "FUNDING_FEE": "funding",
    "TRANSFER": "transfer",
    "WELCOME_BONUS": "reward",
    "REFERRAL_KICKBACK": "reward",
    "COMMISSION_REBATE": "reward",
    "API_REBATE": "reward",
    "CONTEST_REWARD": "reward",
    "INSURANCE_CLEAR": "adjustment",
    "TRADING_COMMISSION": "fee",
    "BUY_INCOME": "trade",
    "BUY_EXPENSE": "trade",
    "SELL_INCOME": "trade",
    "SELL_EXPENSE": "trade",
    "BUY_LIQUIDATION": "trade",
    "SELL_LIQUIDATION": "trade",
    # not documented: interest has a list of its own
    "INTEREST": "interest",
    "BORROW": "loan",
    "REPAY": "loan",
}


def income_entry(raw: Raw, row: Row) -> Row:
    """An income row. A fill's fee and its PnL share a `tranId`, with different types."""
    return row | {
        "class": ledger_class(raw["incomeType"], CLASSES),
        "kind": raw["incomeType"],
        "asset": raw["asset"],
        "entry_id": str(raw["tranId"]),
        "amount": number(raw["income"]),
        "reference_id": raw.get("tradeId") or "",
    }
