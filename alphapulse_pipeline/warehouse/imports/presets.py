"""Presets: how the columns of exchanges' own exports map to those of our tables.

Only exports whose columns are known for certain have a preset. To import any other file, rename its
columns to those of the table.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Context, Decimal
from typing import Any

from alphapulse_pipeline.warehouse.imports.cells import (
    BadValue,
    Cell,
    Convert,
    Markets,
    amount_and_asset,
    number,
    time,
    word,
)
from alphapulse_pipeline.warehouse.sync_state import Market

# ten times the digits of any exchange, so nothing is rounded
_EXACT = Context(prec=300)


@dataclass(frozen=True)
class Preset:
    """How the rows of a file become rows of a table.

    Table columns in neither `fields` nor `constants` are NULL, except for the id, which is then
    derived from the row's content.
    """

    fields: Mapping[str, tuple[str, Convert]]
    """Table column -> file column, and the conversion of its cells."""
    constants: Mapping[str, Any] = field(default_factory=dict)
    market: Callable[[Markets, str], Market] = Markets.find
    incomplete: tuple[str, ...] = ()
    """Rows in which one of these columns is empty are not booked yet, and are skipped."""


def _text(cell: Cell) -> str | None:
    return cell.text or None


def _number(cell: Cell) -> Decimal:
    return number(cell.text)


def _time(cell: Cell) -> Any:
    return time(cell.text)


def _side(cell: Cell) -> str:
    return word(cell.text, ("buy", "sell"))


def _market(cell: Cell) -> str:
    return _market_of(cell).market


def _market_of(cell: Cell) -> Market:
    if cell.market is None:
        raise BadValue("the row names no market", "write the market's name or id")
    return cell.market


# Kraken has its own codes for the assets that it listed first; the others have common names.
# https://support.kraken.com/articles/360001206766-bitcoin-currency-code-xbt-vs-btc
_KRAKEN_ASSETS = {
    "XBT": "BTC",
    "XDG": "DOGE",
    "XXBT": "BTC",
    "XXDG": "DOGE",
    "XETH": "ETH",
    "XETC": "ETC",
    "XLTC": "LTC",
    "XXRP": "XRP",
    "XXLM": "XLM",
    "XXMR": "XMR",
    "XZEC": "ZEC",
    "XMLN": "MLN",
    "ZUSD": "USD",
    "ZEUR": "EUR",
    "ZGBP": "GBP",
    "ZCAD": "CAD",
    "ZJPY": "JPY",
    "ZAUD": "AUD",
}


def _kraken_market(markets: Markets, text: str) -> Market:
    if "/" in text:
        text = "/".join(_KRAKEN_ASSETS.get(asset, asset) for asset in text.split("/"))
    return markets.find(text, "spot")


def _kraken_asset(cell: Cell) -> str:
    name, dot, wallet = cell.text.partition(".")
    return _KRAKEN_ASSETS.get(name, name) + dot + wallet


_KRAKEN_CLASSES = {
    "trade": "trade",
    "deposit": "transfer",
    "withdrawal": "transfer",
    "rollover": "interest",
    "staking": "reward",
    "dividend": "reward",
    "reward": "reward",
    "nft_rebate": "reward",
    "credit": "loan",
    "adjustment": "adjustment",
}


def _kraken_class(cell: Cell) -> str:
    """A positive withdrawal refunds a cancelled one; no other history records it."""
    if cell.text == "withdrawal" and number(cell.row.get("amount") or "0") > 0:
        return "adjustment"
    return _KRAKEN_CLASSES.get(cell.text, "other")


def _kraken_amount(cell: Cell) -> Decimal:
    """The change of the balance: Kraken states an entry's fee separately but books it with it."""
    return _EXACT.subtract(number(cell.text), number(cell.row.get("fee") or "0"))


def _binance_market(markets: Markets, text: str) -> Market:
    return markets.find(text, "spot")


def _of_base(cell: Cell) -> Decimal:
    return _amount_in(cell, _market_of(cell).base)


def _of_quote(cell: Cell) -> Decimal:
    return _amount_in(cell, _market_of(cell).quote)


def _amount_in(cell: Cell, asset: str) -> Decimal:
    value, stated = amount_and_asset(cell.text, [asset])
    if stated != asset:
        raise BadValue(
            f"{cell.text!r} is not in {asset}",
            f"check the row: amounts of {_market_of(cell).market} are in {asset} here",
        )
    return value


def _binance_fee(cell: Cell) -> tuple[Decimal, str]:
    market = _market_of(cell)
    return amount_and_asset(cell.text, {market.base, market.quote, "BNB"})


PRESETS: Mapping[tuple[str, str], Preset] = {
    # History > Export > Trades: txid, ordertxid, pair, time, type, ordertype, price, cost, fee,
    # vol, ... Fees are in the quote currency.
    ("kraken", "trades"): Preset(
        {
            "market": ("pair", _market),
            "trade_id": ("txid", _text),
            "order_id": ("ordertxid", _text),
            "executed_at": ("time", _time),
            "side": ("type", _side),
            "price": ("price", _number),
            "amount": ("vol", _number),
            "cost": ("cost", _number),
            "fee_cost": ("fee", _number),
            "fee_currency": ("fee", lambda cell: _market_of(cell).quote),
        },
        {"wallet": "spot", "kind": "trade"},
        _kraken_market,
    ),
    # History > Export > Ledgers: txid, refid, time, type, subtype, aclass, asset, amount, fee,
    # balance. A pending deposit or withdrawal is listed without txid and balance, and again once it
    # is booked.
    ("kraken", "ledger"): Preset(
        {
            "entry_id": ("txid", _text),
            "reference_id": ("refid", _text),
            "happened_at": ("time", _time),
            "kind": ("type", _text),
            "class": ("type", _kraken_class),
            "asset": ("asset", _kraken_asset),
            "amount": ("amount", _kraken_amount),
            "balance_after": ("balance", _number),
        },
        {"wallet": "spot"},
        incomplete=("txid", "balance"),
    ),
    # Orders > Spot order > Trade history > Export: Date(UTC), Pair, Side, Price, Executed, Amount,
    # Fee; the last three are amounts with their assets. Rows have no ids.
    ("binance", "trades"): Preset(
        {
            "market": ("Pair", _market),
            "executed_at": ("Date(UTC)", _time),
            "side": ("Side", _side),
            "price": ("Price", _number),
            "amount": ("Executed", _of_base),
            "cost": ("Amount", _of_quote),
            "fee_cost": ("Fee", lambda cell: _binance_fee(cell)[0]),
            "fee_currency": ("Fee", lambda cell: _binance_fee(cell)[1]),
        },
        {"wallet": "spot", "kind": "trade"},
        _binance_market,
    ),
}
