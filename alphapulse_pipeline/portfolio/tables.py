"""All derived tables."""

from alphapulse_pipeline.portfolio import realized_pnl, reconciliation
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
    ),
    Derived(
        realized_pnl.NAME,
        "What was realised, a line for each match of what was bought and what was sold, and the "
        "fees, funding and income beside it; and in `portfolio.lots` what is held and what it "
        "cost.",
        realized_pnl.refresh,
        datasets=("balances", "positions", *_HISTORIES),
        lineage={
            "proceeds": (
                *(("trades", column) for column in ("cost", "realized_pnl", "fee_cost")),
                *(("funding", "amount"), ("ledger", "amount")),
            ),
            "cost": (("trades", "cost"), ("trades", "fee_cost"), ("transfers", "fee_cost")),
            "amount": (("trades", "amount"), ("balances", "total")),
        },
        preview="SELECT account, asset, kind, realized_at, amount, proceeds, cost, pnl,"
        " opened_by, closed_by FROM portfolio.realized_pnl"
        " ORDER BY realized_at DESC LIMIT 10",
    ),
)
