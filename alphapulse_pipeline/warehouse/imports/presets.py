"""The exports that exchanges offer, as data: which column becomes what.

Only exports whose columns are certain are here; any other file is brought in by renaming its
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

# Ten times what any exchange gives: nothing is rounded.
_EXACT = Context(prec=300)


@dataclass(frozen=True)
class Preset:
    """How the rows of one file become rows of one table.

    A table's column that is in neither `fields` nor `constants` is NULL; an id that is not is
    derived from the row.
    """

    fields: Mapping[str, tuple[str, Convert]]
    """Table column -> file column and what makes a value of its cell."""
    constants: Mapping[str, Any] = field(default_factory=dict)
    market: Callable[[Markets, str], Market] = Markets.find
    incomplete: tuple[str, ...] = ()
    """Rows in which one of these cells is empty are no facts yet, and left out."""


def _text(cell: Cell) -> str | None:
    return cell.text or None


def _number(cell: Cell) -> Decimal:
    return number(cell.text)


def _time(cell: Cell) -> Any:
    return time(cell.text)


def _side(cell: Cell) -> str:
    return word(cell.text, ("buy", "sell"))


def _market(cell: Cell) -> str:
    return _of(cell).market


def _of(cell: Cell) -> Market:
    if cell.market is None:
        raise BadValue("the row names no market")
    return cell.market


# Kraken's own codes of what it listed first; all others are named as everywhere.
# https://support.kraken.com/articles/360001206766-bitcoin-currency-code-xbt-vs-btc
_KRAKEN_ASSETS = {
    **{"XBT": "BTC", "XDG": "DOGE", "XXBT": "BTC", "XXDG": "DOGE", "XETH": "ETH", "XETC": "ETC"},
    **{"XLTC": "LTC", "XXRP": "XRP", "XXLM": "XLM", "XXMR": "XMR", "XZEC": "ZEC", "XMLN": "MLN"},
    **{"ZUSD": "USD", "ZEUR": "EUR", "ZGBP": "GBP", "ZCAD": "CAD", "ZJPY": "JPY", "ZAUD": "AUD"},
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
    """A positive withdrawal is the refund of a cancelled one, which no other history has."""
    if cell.text == "withdrawal" and number(cell.row.get("amount") or "0") > 0:
        return "adjustment"
    return _KRAKEN_CLASSES.get(cell.text, "other")


def _kraken_amount(cell: Cell) -> Decimal:
    """What the balance changed by: Kraken books an entry's fee with it."""
    return _EXACT.subtract(number(cell.text), number(cell.row.get("fee") or "0"))


def _binance_market(markets: Markets, text: str) -> Market:
    return markets.find(text, "spot")


def _of_base(cell: Cell) -> Decimal:
    return _only(cell, _of(cell).base)


def _of_quote(cell: Cell) -> Decimal:
    return _only(cell, _of(cell).quote)


def _only(cell: Cell, asset: str) -> Decimal:
    value, found = amount_and_asset(cell.text, [asset])
    if found != asset:
        raise BadValue(f"{cell.text!r} is not in {asset}, as {_of(cell).market} must be")
    return value


def _binance_fee(cell: Cell) -> tuple[Decimal, str]:
    market = _of(cell)
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
            "fee_currency": ("fee", lambda cell: _of(cell).quote),
        },
        {"wallet": "spot", "kind": "trade"},
        _kraken_market,
    ),
    # History > Export > Ledgers: txid, refid, time, type, subtype, aclass, asset, amount, fee,
    # balance. A deposit or withdrawal under way stands there without txid and balance, and once
    # more when it is booked.
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
    # Fee; the last three are amounts with their assets. There are no ids.
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
