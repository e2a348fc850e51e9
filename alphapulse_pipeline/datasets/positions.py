"""Positions: open derivatives positions."""

from alphapulse_pipeline.datasets.dataset import Part, Snapshot, Structure, snapshot_columns
from alphapulse_pipeline.datasets.table import MARKET, key, numeric
from alphapulse_pipeline.datasets.values import Row, number


def _settled_in(row: Row) -> str:
    """The settlement currency, from ccxt's name of the market: BTC/USDT:USDT-260626."""
    return str(row["market"]).partition(":")[2].partition("-")[0]


POSITIONS = Snapshot(
    name="positions",
    comment="Open positions. A position that a snapshot does not list is closed.",
    description="Open derivatives positions. A position that a snapshot does not list is closed.",
    columns=snapshot_columns(
        key("market", MARKET),
        key("side", "long or short.", ("long", "short")),
        key("margin_mode", "cross or isolated."),
        numeric("contracts", "Number of contracts held.", nullable=False),
        numeric("contract_size", "Size of one contract."),
        numeric("entry_price", "Average entry price."),
        numeric("mark_price", "The exchange's mark price."),
        numeric("notional", "Value of the position in its settlement currency."),
        numeric("unrealized_pnl", "Unrealized profit or loss."),
        numeric("leverage", "Leverage setting."),
        numeric("liquidation_price", "Estimated liquidation price."),
    ),
    part=Part(
        "positions settled in",
        "(SELECT m.settle FROM alphapulse.market_of(account, market) AS m)",
        _settled_in,
    ),
)


def position_row(market: str, position: Structure, margin_mode: str) -> Row | None:
    """The row of a ccxt position structure; None if it has no contracts."""
    contracts = number(position.get("contracts"))
    if not contracts:
        return None
    return {
        "market": market,
        "side": position.get("side") or "",
        "margin_mode": position.get("marginMode") or margin_mode,
        "contracts": contracts,
        "contract_size": number(position.get("contractSize")),
        "entry_price": number(position.get("entryPrice")),
        "mark_price": number(position.get("markPrice")),
        "notional": number(position.get("notional")),
        "unrealized_pnl": number(position.get("unrealizedPnl")),
        "leverage": number(position.get("leverage")),
        "liquidation_price": number(position.get("liquidationPrice")),
    }
