"""All derived tables."""

from alphapulse_pipeline.portfolio import pictures, reconciliation
from alphapulse_pipeline.portfolio.derived import Derived

_HISTORIES = ("trades", "transfers", "funding", "ledger")

DERIVED = (
    Derived(
        reconciliation.NAME,
        "Whether the histories explain each balance: opening + fills + fees + transfers + funding "
        "+ what only the ledger tells = closing, between every two snapshots in which it moved.",
        reconciliation.refresh,
        datasets=("balances", *_HISTORIES),
        lineage={
            "opening": (("balances", "total"),),
            "closing": (("balances", "total"),),
            "fills": tuple(
                ("trades", column) for column in ("side", "amount", "cost", "realized_pnl")
            ),
            "fees": (("trades", "fee_cost"), ("transfers", "fee_cost")),
            "transfers": (("transfers", "amount"),),
            "funding": (("funding", "amount"),),
            "other": (("ledger", "amount"),),
        },
        preview="SELECT account, wallet, asset, closed_at, opening, fills, fees, transfers,"
        " funding, other, closing, residual, state FROM portfolio.reconciliation"
        " ORDER BY state = 'zero', closed_at DESC LIMIT 10",
        picture=pictures.residual_drift,
    ),
)
