"""Transfers: deposits, withdrawals, and transfers between the account's own wallets."""

from alphapulse_pipeline.datasets.dataset import (
    History,
    Place,
    Structure,
    Updates,
    history_columns,
)
from alphapulse_pipeline.datasets.table import Index, key, numeric, text, timestamp
from alphapulse_pipeline.datasets.values import Row, moment, number

_KINDS = ("deposit", "withdrawal", "transfer")
_NOT_FINAL = "NOT IN ('ok', 'failed', 'canceled', 'rejected')"


def _row(transfer: Structure, place: Place) -> Row:
    fee = transfer.get("fee") or {}
    cost = number(fee.get("cost"))
    return {
        "kind": place.kind or "transfer",
        "transfer_id": transfer["id"],
        "asset": transfer.get("currency"),
        "amount": number(transfer.get("amount")),
        "fee_cost": cost,
        "fee_currency": fee.get("currency") if cost else None,
        "from_wallet": transfer.get("fromAccount"),
        "to_wallet": transfer.get("toAccount"),
        "status": transfer.get("status"),
        "network": transfer.get("network"),
        "txid": transfer.get("txid"),
        "happened_at": moment(transfer["timestamp"]),
        "updated_at": None,
        "raw": transfer["info"],
    }


TRANSFERS = History(
    name="transfers",
    comment="Deposits, withdrawals and transfers between own wallets.",
    description="Deposits, withdrawals and transfers between own wallets, in their last known "
    "state. Partitioned by the day of `happened_at`.",
    columns=history_columns(
        key("kind", "deposit, withdrawal or transfer.", _KINDS),
        key("transfer_id", "The exchange's id."),
        text("asset", "The asset transferred.", nullable=False),
        numeric("amount", "Amount transferred.", nullable=False),
        numeric("fee_cost", "The fee paid."),
        text("fee_currency", "The currency of the fee."),
        text("from_wallet", "The source wallet."),
        text("to_wallet", "The target wallet."),
        text("status", "ok, pending, failed or canceled."),
        text("network", "The blockchain network."),
        text("txid", "Transaction id on the blockchain."),
        timestamp("happened_at", "When it happened, exchange time.", nullable=False),
        timestamp(
            "updated_at", "When it was credited, sent or returned, where the exchange reports it."
        ),
    ),
    time="happened_at",
    id="transfer_id",
    row=_row,
    identity=("transfer_id", "asset", "amount"),
    import_match=("kind", "asset", "amount"),
    optional={"updated_at": None},
    keeps=frozenset({"network", "txid"}),
    updates=Updates(
        ("status", "txid", "fee_cost", "fee_currency"), f"coalesce(t.status, '') {_NOT_FINAL}"
    ),
    unsettled=f"status {_NOT_FINAL}",
    ledger_classes=("transfer",),
    more_indexes=(
        Index("transfers_updated_at", ("account", "updated_at"), "updated_at IS NOT NULL"),
    ),
)
