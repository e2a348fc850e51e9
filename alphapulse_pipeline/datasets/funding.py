"""Funding: payments between longs and shorts of perpetuals."""

from alphapulse_pipeline.datasets.dataset import History, Place, Structure, history_columns
from alphapulse_pipeline.datasets.table import MARKET, WALLET, key, numeric, text, timestamp
from alphapulse_pipeline.datasets.values import Row, moment, number


def _row(income: Structure, place: Place) -> Row:
    return {
        "market": place.market,
        "funding_id": income["id"],
        "wallet": place.wallet,
        "asset": income.get("code"),
        "amount": number(income.get("amount")),
        "happened_at": moment(income["timestamp"]),
        "raw": income["info"],
    }


FUNDING = History(
    name="funding",
    comment="Funding payments of perpetual positions.",
    description="Funding payments of perpetual positions; positive if received. "
    "Partitioned by the day of `happened_at`.",
    columns=history_columns(
        key("market", MARKET),
        key("funding_id", "The exchange's id of the payment."),
        text("wallet", WALLET, nullable=False),
        text("asset", "The asset paid.", nullable=False),
        numeric("amount", "Amount paid; positive if received.", nullable=False),
        timestamp("happened_at", "When it was paid, exchange time.", nullable=False),
    ),
    time="happened_at",
    id="funding_id",
    row=_row,
    identity=("funding_id", "asset", "amount"),
    import_match=("market", "asset", "amount"),
    ledger_classes=("funding",),
)
