"""Conversions: one asset swapped for another outside of the order book."""

from alphapulse_pipeline.datasets.dataset import History, Place, Structure, history_columns
from alphapulse_pipeline.datasets.table import WALLET, key, numeric, text, timestamp
from alphapulse_pipeline.datasets.values import Row, moment, number

_KINDS = ("convert", "dust", "buy")


def _row(conversion: Structure, place: Place) -> Row:
    fee = conversion.get("fee") or {}
    return {
        "kind": place.kind or "convert",
        "conversion_id": conversion["id"],
        "wallet": place.wallet,
        "from_asset": conversion.get("fromCurrency"),
        "from_amount": number(conversion.get("fromAmount")),
        "to_asset": conversion.get("toCurrency"),
        "to_amount": number(conversion.get("toAmount")),
        "fee_cost": number(fee.get("cost")),
        "fee_currency": fee.get("currency"),
        "happened_at": moment(conversion["timestamp"]),
        "raw": conversion["info"],
    }


CONVERSIONS = History(
    name="conversions",
    comment="Conversions of one asset into another outside of the order book.",
    description="Conversions of one asset into another outside of the order book: convert, dust "
    "and instant buys. Partitioned by the day of `happened_at`.",
    columns=history_columns(
        key("kind", "convert, dust or buy.", _KINDS),
        key("conversion_id", "The exchange's id."),
        text("wallet", WALLET, nullable=False),
        text("from_asset", "The asset given.", nullable=False),
        numeric("from_amount", "How much was given.", nullable=False),
        text("to_asset", "The asset received.", nullable=False),
        numeric("to_amount", "How much was received.", nullable=False),
        numeric("fee_cost", "The fee; positive when paid."),
        text("fee_currency", "The currency of the fee."),
        timestamp("happened_at", "When it happened, exchange time.", nullable=False),
    ),
    time="happened_at",
    id="conversion_id",
    row=_row,
    identity=("conversion_id", "from_asset", "from_amount", "to_asset", "to_amount"),
    import_match=("from_asset", "from_amount", "to_asset", "to_amount"),
    ledger_classes=("conversion",),
)
