"""Trades: every fill."""

from alphapulse_pipeline.datasets.dataset import History, Place, Structure, history_columns
from alphapulse_pipeline.datasets.table import (
    MARKET,
    WALLET,
    Index,
    key,
    numeric,
    text,
    timestamp,
)
from alphapulse_pipeline.datasets.values import Row, fees, moment, number

_KINDS = ("trade", "liquidation", "adl", "settlement", "adjustment")


def _row(trade: Structure, place: Place) -> Row:
    """Of fees in several currencies, the first; `raw` has all."""
    unknown = ((trade.get("fee") or {}).get("currency"), None)
    currency, cost = next(iter(fees(trade)), unknown)
    return {
        "market": place.market,
        "trade_id": trade["id"],
        "side": trade.get("side") or "",
        "wallet": place.wallet,
        "order_id": trade.get("order"),
        "executed_at": moment(trade["timestamp"]),
        "price": number(trade.get("price")),
        "amount": number(trade.get("amount")),
        "cost": number(trade.get("cost")),
        "fee_cost": cost,
        "fee_currency": currency,
        "taker_or_maker": trade.get("takerOrMaker"),
        "kind": "trade",
        "realized_pnl": None,
        "raw": trade["info"],
    }


TRADES = History(
    name="trades",
    comment="Every fill, once.",
    description="Every fill, once: trades, liquidations, ADL and settlements. Partitioned by the "
    "day of `executed_at`.",
    columns=history_columns(
        key("market", MARKET),
        key("trade_id", "The exchange's id of the fill."),
        key("side", "buy or sell.", ("buy", "sell")),
        text("wallet", WALLET, nullable=False),
        text("order_id", "The order that was filled."),
        timestamp("executed_at", "When it was executed, exchange time.", nullable=False),
        numeric("price", "Price of one unit of base, in quote.", nullable=False),
        numeric("amount", "Base currency on spot, contracts on derivatives.", nullable=False),
        numeric(
            "cost",
            "Amount paid or received, before fees; NULL for a contract whose size is unknown.",
        ),
        numeric("fee_cost", "The fee; negative for a rebate."),
        text("fee_currency", "The currency of the fee."),
        text("taker_or_maker", "taker or maker."),
        text(
            "kind",
            "trade, liquidation, adl, settlement or adjustment.",
            nullable=False,
            values=_KINDS,
        ),
        numeric(
            "realized_pnl",
            "Realized profit or loss before the fee, as the exchange reports it; NULL on spot.",
        ),
    ),
    time="executed_at",
    id="trade_id",
    row=_row,
    identity=("trade_id", "side", "price", "amount", "order_id"),
    import_match=("market", "side", "price", "amount"),
    optional={"realized_pnl": None},
    ledger_classes=("trade", "fee"),
    more_indexes=(Index("trades_of_market", ("account", "market", "executed_at")),),
)
