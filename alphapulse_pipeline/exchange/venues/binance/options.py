"""European options: the balance, the list of what moved it, and what is held.

"How Does Vanilla Options Contract Works" (2020-12-25, binance.com/en/support/faq/
374321c9317c473480243365298b8706): the balance is what was transferred in and out, realized profit
and fees. The value of what was bought, and the unrealized profit of what was sold, are part of the
equity and not of it.

The funding flow is in USDT only and names neither contract nor order: `option_trading.py` has the
fills and exercises that it repeats.
"""

from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal
from typing import Any

from alphapulse_pipeline.datasets.values import Row, number
from alphapulse_pipeline.exchange.documented import THREE_MONTHS
from alphapulse_pipeline.exchange.feed import Feed, Raw, at, milliseconds
from alphapulse_pipeline.exchange.venues.binance import option_pages, pages
from alphapulse_pipeline.exchange.venues.binance.common import (
    BY_SECOND,
    OPTION,
    WEEK,
    all_of,
    windowed,
)
from alphapulse_pipeline.exchange.venues.ledger_classes import ledger_class
from alphapulse_pipeline.exchange.venues.venue import Source, Wallet
from alphapulse_pipeline.exchange.walker import Whole

# Required fields: stored columns are read from them.
_ACCOUNT = Feed(
    "eapiPrivateGetMarginAccount",
    Whole(),
    rows=at("asset"),
    required=("asset", "marginBalance", "initialMargin"),
    documented=pages.WALLETS[OPTION],
)
_CURRENCY = "USDT"
_ROUNDED = Decimal("0.01")
"""What a value may differ from quantity times price, in the quote currency."""
# type -> class
_CLASSES = {"CONTRACT": "trade", "FEE": "fee", "TRANSFER": "transfer"}


def _held(answer: Any) -> Iterable[tuple[str, Decimal | None, Decimal | None, None]]:
    """(asset, total, used, no debt)."""
    for row in answer[_ACCOUNT.method]:
        yield row["asset"], number(row["marginBalance"]), number(row["initialMargin"]), None


WALLET = Wallet(OPTION, assets=_held, documented=pages.WALLETS[OPTION], lists=(_ACCOUNT,))


def positions() -> Source:
    return Source(
        Feed(
            "eapiPrivateGetPosition",
            Whole(),
            rows=all_of,
            required=(
                *("symbol", "quantity", "entryPrice", "markPrice", "markValue"),
                *("unrealizedPNL", "optionSide"),
            ),
            documented=pages.POSITIONS[OPTION],
        ),
        wallet=OPTION,
        parse="parse_option_position",
        category="option",
        market="symbol",
    )


def position(raw: Raw, position: Row) -> Row:
    """The quantity is negative if contracts were sold. A contract's size is not in the answer, but
    the value is, of the size that "Exchange Information" calls the conversion ratio: other values
    than that of one coin per contract leave the size open, and the position without a value."""
    quantity, mark, value = (Decimal(raw[name]) for name in ("quantity", "markPrice", "markValue"))
    of_one_coin = abs(abs(quantity) * mark - abs(value)) <= _ROUNDED
    return position | {
        "side": "short" if quantity < 0 else "long",
        "contracts": str(abs(quantity)),
        "contractSize": "1" if of_one_coin else None,
    }


def ledger() -> Source:
    source = windowed(
        "eapiPrivateGetBill",
        OPTION,
        "parse_ledger_entry",
        milliseconds("createDate"),
        _entry,
        # whether both ends of a window are included is not documented
        paging=BY_SECOND,
        required=("id", "asset", "amount", "type", "createDate"),
        documented=option_pages.FUNDING_FLOW,
        window=WEEK,
        retention=THREE_MONTHS,
        currency=_CURRENCY,
    )
    # it goes back for three months, and what is older is lost only to accounts that used it
    return replace(source, once_used=True)


def _entry(raw: Raw, row: Row) -> Row:
    return row | {
        "class": ledger_class(raw["type"], _CLASSES),
        "kind": raw["type"],
        "asset": raw["asset"],
        "entry_id": str(raw["id"]),
        "amount": number(raw["amount"]),
        "reference_id": "",
    }
