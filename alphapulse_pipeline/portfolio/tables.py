"""All derived tables.

A table that is recalculated from a single SELECT needs one file and one line: see `query_table`.
"""

from alphapulse_pipeline.portfolio import (
    movements_daily,
    pictures,
    position_reconciliation,
    prices,
    realized_pnl,
    reconciliation,
    value,
)
from alphapulse_pipeline.portfolio.derived import Derived, View
from alphapulse_pipeline.portfolio.queries import queries
from alphapulse_pipeline.portfolio.query_table import from_query
from alphapulse_pipeline.portfolio.reconciliation import HISTORIES

_PREVIEWS = queries("previews")
_FIGURES = queries("figures")

_BALANCE = (("balances", "total"), ("balances", "debt"))
_POSITION = tuple(("positions", column) for column in ("contracts", "contract_size", "mark_price"))
_HELD = (*_BALANCE, *_POSITION, ("positions", "unrealized_pnl"))
_EXPOSED = (*_BALANCE, *_POSITION)

DERIVED = (
    Derived(
        reconciliation.NAME,
        "Whether the histories explain each balance. Between every two snapshots: opening + fills "
        "+ fees + transfers + funding + conversions + other ledger entries = closing.",
        reconciliation.refresh,
        datasets=("balances", *HISTORIES),
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
        position_reconciliation.NAME,
        "Whether the fills explain each derivatives position. Between every two snapshots in which "
        "it changed or was traded: opening contracts + fills = closing contracts, long positive.",
        position_reconciliation.refresh,
        datasets=("positions", "trades"),
        lineage={
            "opening": (("positions", "contracts"),),
            "closing": (("positions", "contracts"),),
            "fills": (("trades", "side"), ("trades", "amount")),
        },
        preview=_PREVIEWS.position_reconciliation,
    ),
    Derived(
        movements_daily.NAME,
        "Everything that changed a balance before the first snapshot, added up by day. Balances of "
        "that time are the snapshot less these sums: see `portfolio.balances_as_of`.",
        movements_daily.refresh,
        datasets=HISTORIES,
        lineage={
            "fills": tuple(
                ("trades", column) for column in ("side", "amount", "cost", "realized_pnl")
            ),
            "fees": (("trades", "fee_cost"), ("transfers", "fee_cost")),
            "transfers": (("transfers", "amount"),),
            "funding": (("funding", "amount"),),
            "other": (("ledger", "amount"),),
        },
        preview=_PREVIEWS.movements_daily,
    ),
    Derived(
        prices.NAME,
        "One price per asset and time in the reporting currency, through the shortest and freshest "
        "path of markets for which the accounts have prices or fills.",
        prices.refresh,
        datasets=("prices", "trades", "candles"),
        lineage={
            "price": (
                *(("prices", column) for column in ("bid", "ask", "last")),
                ("trades", "price"),
                ("candles", "close"),
            ),
            "path": tuple((dataset, "market") for dataset in ("prices", "trades", "candles")),
            "evidence_at": (
                ("prices", "captured_at"),
                ("trades", "executed_at"),
                ("candles", "opened_at"),
            ),
        },
        preview=_PREVIEWS.prices,
    ),
    from_query(
        "holdings",
        datasets=("balances", "positions"),
        follows=(prices.NAME,),
        lineage={
            "amount": _HELD,
            "price": ((prices.NAME, "price"),),
            "priced_at": ((prices.NAME, "evidence_at"),),
            "value": (*_HELD, (prices.NAME, "price")),
            "captured_at": (("balances", "captured_at"), ("positions", "captured_at")),
        },
        figures=_FIGURES.holdings,
        preview=_PREVIEWS.holdings,
        picture=pictures.allocation,
    ),
    Derived(
        value.NAME,
        "The equity curve: the value of each account, and of all together, at each snapshot, with "
        "its confidence and uncertainty.",
        value.refresh,
        datasets=("balances", "positions"),
        follows=(prices.NAME, reconciliation.NAME),
        lineage={
            "value": (*_HELD, (prices.NAME, "price")),
            "unexplained": ((reconciliation.NAME, "residual"), (prices.NAME, "price")),
            "at": (("balances", "captured_at"),),
        },
        preview=_PREVIEWS.value,
        picture=pictures.equity,
    ),
    from_query(
        "exposure",
        datasets=("balances", "positions"),
        follows=(prices.NAME, "holdings"),
        lineage={
            "net": _EXPOSED,
            "gross": _EXPOSED,
            "net_value": (*_EXPOSED, (prices.NAME, "price")),
            "gross_value": (*_EXPOSED, (prices.NAME, "price")),
            "leverage": (*_EXPOSED, ("holdings", "value")),
            "liquidation_distance": (
                ("positions", "mark_price"),
                ("positions", "liquidation_price"),
            ),
        },
        figures=_FIGURES.exposure,
        preview=_PREVIEWS.exposure,
        picture=pictures.exposure,
    ),
    Derived(
        realized_pnl.NAME,
        "Realized profit and loss: one line for each match of a purchase and a sale, and lines for "
        "fees, funding and income; `state` says whether it may still change. `portfolio.lots` has "
        "what is still held and its cost.",
        realized_pnl.refresh,
        datasets=("balances", "positions", *HISTORIES),
        follows=(prices.NAME,),
        lineage={
            "proceeds": (
                *(("trades", column) for column in ("cost", "realized_pnl", "fee_cost")),
                ("funding", "amount"),
                ("ledger", "amount"),
            ),
            "cost": (("trades", "cost"), ("trades", "fee_cost"), ("transfers", "fee_cost")),
            "amount": (("trades", "amount"), ("balances", "total")),
        },
        preview=_PREVIEWS.realized_pnl,
        picture=pictures.pnl_by_month,
        stored="matched_lines",
    ),
    from_query(
        "value_daily",
        datasets=("balances", "positions"),
        follows=(
            prices.NAME,
            movements_daily.NAME,
            reconciliation.NAME,
            value.NAME,
            realized_pnl.NAME,  # which finds the transfers between own accounts
        ),
        lineage={
            "value": (
                *_BALANCE,
                (movements_daily.NAME, "amount"),
                (prices.NAME, "price"),
                (value.NAME, "value"),
            ),
            "flows": (
                (movements_daily.NAME, "transfers"),
                (reconciliation.NAME, "transfers"),
                (prices.NAME, "price"),
            ),
            "state": ((value.NAME, "state"),),
        },
        figures=_FIGURES.value_daily,
        preview=_PREVIEWS.value_daily,
        picture=pictures.value_daily,
    ),
)


VIEWS = (
    View(
        "movements",
        "Every change of a balance that the histories report, counted once.",
        datasets=HISTORIES,
    ),
    View(
        "prices_latest",
        "The newest price of each asset in the reporting currency.",
        follows=(prices.NAME,),
    ),
    View(
        "lots",
        "Single purchases, what is left of them and what they cost.",
        follows=(realized_pnl.NAME,),
    ),
    View(
        "cost_basis",
        "What is held of each asset and what it cost.",
        follows=(realized_pnl.NAME,),
    ),
)
"""The views that people query; the others are parts of derived tables."""


def derived(name: str) -> Derived:
    """The derived table of this name; raises `KeyError` if there is none."""
    return {table.name: table for table in DERIVED}[name]
