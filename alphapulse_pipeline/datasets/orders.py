"""Orders: every order in its last known state."""

from alphapulse_pipeline.datasets.dataset import (
    History,
    Place,
    Structure,
    Updates,
    history_columns,
)
from alphapulse_pipeline.datasets.table import (
    MARKET,
    WALLET,
    Index,
    key,
    numeric,
    text,
    timestamp,
)
from alphapulse_pipeline.datasets.values import Row, moment, number

_STATUSES = ("open", "closed", "canceled", "expired", "rejected", "unknown")


def _row(order: Structure, place: Place) -> Row:
    created = order["timestamp"]
    updated = order.get("lastUpdateTimestamp") or order.get("lastTradeTimestamp") or created
    return {
        "market": place.market,
        "order_id": order["id"],
        "wallet": place.wallet,
        "client_order_id": order.get("clientOrderId"),
        "status": order.get("status"),
        "type": order.get("type"),
        "side": order.get("side") or "",
        # for market orders, exchanges report their slippage limit as the price
        "price": None if order.get("type") == "market" else number(order.get("price")),
        "amount": number(order.get("amount")),
        "filled": number(order.get("filled")),
        "average": number(order.get("average")),
        "created_at": moment(created),
        "updated_at": moment(updated),
        "raw": order["info"],
    }


ORDERS = History(
    name="orders",
    comment="Every order in its last known state.",
    description="Every order in its last known state; open orders are refreshed in every run. "
    "Partitioned by the day of `created_at`.",
    columns=history_columns(
        key("market", MARKET),
        key("order_id", "The exchange's id of the order."),
        text("wallet", WALLET, nullable=False),
        text("client_order_id", "The id that the client assigned."),
        text(
            "status",
            "open, closed, canceled, expired, rejected; unknown: it ended, and the exchange "
            "no longer says how.",
            nullable=False,
            values=_STATUSES,
        ),
        text("type", "limit, market, ..."),
        text("side", "buy or sell.", nullable=False, values=("buy", "sell")),
        numeric("price", "Limit price."),
        numeric("amount", "Base currency on spot, contracts on derivatives."),
        numeric("filled", "Amount filled."),
        numeric("average", "Average price of the fills."),
        timestamp("created_at", "When it was placed, exchange time.", nullable=False),
        timestamp("updated_at", "When it last changed, exchange time.", nullable=False),
    ),
    time="created_at",
    id="order_id",
    row=_row,
    identity=("order_id",),
    import_match=("market", "side", "price", "amount"),
    newest_by="updated_at",
    updates=Updates(
        ("status", "filled", "average", "updated_at"), "given.updated_at > t.updated_at"
    ),
    affects_balances=False,  # its fills do
    more_indexes=(
        Index("orders_of_market", ("account", "market", "created_at")),
        Index("orders_still_open", ("account",), "status = 'open'"),
    ),
)
