"""Prices: quotes of the markets that price an account's holdings."""

from alphapulse_pipeline.datasets.dataset import Snapshot, Structure, snapshot_columns
from alphapulse_pipeline.datasets.table import MARKET, key, numeric
from alphapulse_pipeline.datasets.values import Row, number

PRICES = Snapshot(
    name="prices",
    comment="Prices of the markets that price the account's holdings.",
    description="Prices of the markets that price the balances and positions of the same run.",
    columns=snapshot_columns(
        key("market", MARKET),
        numeric("last", "Last traded price."),
        numeric("bid", "Best bid."),
        numeric("ask", "Best ask."),
    ),
    lineage={"market": (("balances", "asset"), ("positions", "market"))},
)


def price_row(market: str, ticker: Structure) -> Row:
    """The row of a ccxt ticker."""
    return {
        "market": market,
        "last": number(ticker.get("last")),
        "bid": number(ticker.get("bid")),
        "ask": number(ticker.get("ask")),
    }
