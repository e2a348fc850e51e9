"""All derived tables."""

from alphapulse_pipeline.portfolio import (
    exposure,
    holdings,
    pictures,
    prices,
    realized_pnl,
    reconciliation,
    value,
)
from alphapulse_pipeline.portfolio.derived import Derived
from alphapulse_pipeline.portfolio.queries import queries

_PREVIEWS = queries("previews")

_HISTORIES = ("trades", "transfers", "funding", "ledger")
_PROFIT = ("unrealized_pnl", "contracts", "contract_size", "mark_price")
_EXPOSED = (
    *(("balances", column) for column in ("total", "debt")),
    *(("positions", column) for column in ("contracts", "contract_size", "mark_price")),
)

DERIVED = (
    Derived(
        reconciliation.NAME,
        "Whether the histories explain each balance: opening + fills + fees + transfers + funding "
        "+ what only the ledger tells = closing, between every two snapshots.",
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
        preview=_PREVIEWS.reconciliation,
        picture=pictures.residual_drift,
    ),
    Derived(
        prices.NAME,
        "One price per asset and time in the reporting currency, through the shortest and freshest "
        "path of markets that the accounts know of.",
        prices.refresh,
        datasets=("prices", "trades"),
        lineage={
            "price": (
                *(("prices", column) for column in ("bid", "ask", "last")),
                ("trades", "price"),
            ),
            "path": (("prices", "market"), ("trades", "market")),
            "evidence_at": (("prices", "captured_at"), ("trades", "executed_at")),
        },
        preview=_PREVIEWS.prices,
    ),
    Derived(
        holdings.NAME,
        "What is held now and what it is worth: balances, debts, what open positions have won or "
        "lost, and options at their market value.",
        holdings.refresh,
        datasets=("balances", "positions"),
        follows=(prices.NAME,),
        lineage={
            "amount": (
                *(("balances", column) for column in ("total", "debt")),
                *(("positions", column) for column in _PROFIT),
            ),
            "price": ((prices.NAME, "price"),),
            "priced_at": ((prices.NAME, "evidence_at"),),
            "value": (
                *(("balances", column) for column in ("total", "debt")),
                *(("positions", column) for column in _PROFIT),
                (prices.NAME, "price"),
            ),
            "captured_at": (("balances", "captured_at"), ("positions", "captured_at")),
        },
        picture=pictures.allocation,
        preview=_PREVIEWS.holdings,
    ),
    Derived(
        value.NAME,
        "The equity curve: what each account, and all together, were worth at each snapshot, and "
        "how sure that is.",
        value.refresh,
        datasets=("balances", "positions"),
        follows=(prices.NAME, reconciliation.NAME),
        lineage={
            "value": (
                *(("balances", column) for column in ("total", "debt")),
                *(("positions", column) for column in _PROFIT),
                (prices.NAME, "price"),
            ),
            "unexplained": ((reconciliation.NAME, "residual"), (prices.NAME, "price")),
            "at": (("balances", "captured_at"),),
        },
        picture=pictures.equity,
        preview=_PREVIEWS.value,
    ),
    Derived(
        exposure.NAME,
        "What moves with each asset, balances and positions together: net and gross, leverage, and "
        "how far away liquidation is. Options count with their whole notional.",
        exposure.refresh,
        datasets=("balances", "positions"),
        follows=(prices.NAME, holdings.NAME),
        lineage={
            "net": _EXPOSED,
            "gross": _EXPOSED,
            "net_value": (*_EXPOSED, (prices.NAME, "price")),
            "gross_value": (*_EXPOSED, (prices.NAME, "price")),
            "leverage": (*_EXPOSED, (holdings.NAME, "value")),
            "liquidation_distance": (
                ("positions", "mark_price"),
                ("positions", "liquidation_price"),
            ),
        },
        picture=pictures.exposure,
        preview=_PREVIEWS.exposure,
    ),
    Derived(
        realized_pnl.NAME,
        "What was realised, a line for each match of what was bought and what was sold, and the "
        "fees, funding and income beside it; and in `portfolio.lots` what is held and what it "
        "cost.",
        realized_pnl.refresh,
        datasets=("balances", "positions", *_HISTORIES),
        follows=(prices.NAME,),
        lineage={
            "proceeds": (
                *(("trades", column) for column in ("cost", "realized_pnl", "fee_cost")),
                *(("funding", "amount"), ("ledger", "amount")),
            ),
            "cost": (("trades", "cost"), ("trades", "fee_cost"), ("transfers", "fee_cost")),
            "amount": (("trades", "amount"), ("balances", "total")),
        },
        picture=pictures.pnl_by_month,
        preview=_PREVIEWS.realized_pnl,
    ),
)
