"""OKX V5.

API documentation: Get transaction details (last 3 months), Get order history (last 3
months), Get order List, Get order details, Get bills details (last 3 months), Get positions, Get
deposit history, Get withdrawal history, Get asset bills history, Get account configuration
(www.okx.com/docs-v5).

Lists are newest first, at most a hundred rows per page, and continue after a row's id; only an
empty page ends the list. Fills are identified by `billId`: `tradeId` is unique only per instrument.
"""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from alphapulse_pipeline.datasets.values import Row, number
from alphapulse_pipeline.exchange.account_type import AccountType
from alphapulse_pipeline.exchange.feed import Caller, Feed, Raw, between, milliseconds
from alphapulse_pipeline.exchange.markets import unified
from alphapulse_pipeline.exchange.rights import Rights
from alphapulse_pipeline.exchange.venues.ledger_classes import ledger_class
from alphapulse_pipeline.exchange.venues.limits import okx as limits
from alphapulse_pipeline.exchange.venues.okx import trading
from alphapulse_pipeline.exchange.venues.okx.common import (
    BY_BILL,
    DATA,
    FUNDING,
    LIMIT,
    THREE_MONTHS,
    TRADING,
    TYPES,
)
from alphapulse_pipeline.exchange.venues.venue import Amend, Source, Venue, Wallet
from alphapulse_pipeline.exchange.walker import Whole, Windows

_DERIVATIVES = {name: flag for name, flag in TYPES.items() if flag != "spot"}

# acctLv
_MODES = {
    "1": "spot mode",
    "2": "spot and futures mode",
    "3": "multi-currency margin",
    "4": "portfolio margin",
}

_FROM_TRADING, _TO_TRADING = "130", "131"

# type of a bill -> class, per wallet: the same number means different things
_CLASSES = {
    TRADING: {
        "1": "transfer",
        "2": "trade",
        "3": "trade",  # delivery
        "5": "trade",  # liquidation
        "7": "interest",
        "8": "funding",
        "9": "trade",  # auto-deleveraging
        "10": "adjustment",  # clawback
        "16": "loan",  # borrowing
        "22": "loan",  # repayment
        "251": "adjustment",  # refund
    },
    FUNDING: {
        "1": "transfer",  # deposit
        "2": "transfer",  # withdrawal
        "13": "adjustment",  # refund of a canceled withdrawal, in no other history
        _FROM_TRADING: "transfer",
        _TO_TRADING: "transfer",
    },
}

# Required fields: stored columns are read from them.
_POSITION_FIELDS = (
    "instId",
    "pos",
    "posSide",
    "avgPx",
    "markPx",
    "upl",
    "lever",
    "liqPx",
    "mgnMode",
)
_BILL_FIELDS = ("billId", "type", "ccy", "balChg", "bal", "ts")
_PRICE_FIELDS = {"last": "last", "bid": "bidPx", "ask": "askPx"}


def _payment(raw: Raw, row: Row) -> Row:
    return row | {"asset": raw["ccy"], "amount": number(raw["balChg"])}


def _entry(raw: Raw, row: Row) -> Row:
    """`balChg` is the change of the balance, fee included."""
    return row | {
        "kind": raw["type"],
        "class": ledger_class(raw["type"], _CLASSES[row["wallet"]]),
        "amount": number(raw["balChg"]),
        "reference_id": raw.get("ordId") or "",
    }


def _moved(raw: Raw, row: Row) -> Row:
    """A transfer between the two wallets, from the funding wallet's bill."""
    wallets = (TRADING, FUNDING) if raw["type"] == _FROM_TRADING else (FUNDING, TRADING)
    return row | {
        "amount": abs(row["amount"]),
        "fee_cost": None,
        "fee_currency": None,
        "from_wallet": wallets[0],
        "to_wallet": wallets[1],
        "status": "ok",
    }


def _by_time(
    method: str,
    wallet: str,
    parse: str,
    kind: str,
    amend: Amend,
    required: tuple[str, ...],
    **params: Any,
) -> Source:
    """Lists paged by time, which could skip rows of the same millisecond: read in windows that are
    divided until they fit in one page."""
    return Source(
        Feed(
            method,
            Windows(margin=1),
            {"limit": 100, **params},
            DATA,
            milliseconds("ts"),
            # OKX excludes both ends
            lambda first, last: {"before": first - 1, "after": last + 1},
            required=required,
        ),
        wallet=wallet,
        parse=parse,
        kind=kind,
        amend=amend,
    )


def _positions(name: str, flag: str) -> Source:
    return Source(
        Feed(
            "privateGetAccountPositions",
            Whole(),
            {"instType": name},
            DATA,
            required=_POSITION_FIELDS,
        ),
        wallet=TRADING,
        parse="parse_position",
        category=flag,
        market="instId",
    )


def _cash(answer: Any) -> Iterable[tuple[str, Any, Any, Any]]:
    """`cashBal`: `eq`, which ccxt uses as total, includes unrealized PnL."""
    return [
        (coin["ccy"], coin["cashBal"], coin["frozenBal"], coin.get("liab"))
        for account in DATA(answer)
        for coin in account["details"]
    ]


async def _rights(call: Caller) -> Rights:
    """OKX does not return the expiry: keys that may trade and have no IP allowlist expire after 14
    days without use."""
    account = (await call("privateGetAccountConfig", {}))["data"][0]
    addresses = tuple(ip.strip() for ip in str(account.get("ip") or "").split(",") if ip.strip())
    if not account.get("perm"):
        return Rights(addresses=addresses)
    granted = set(account["perm"].split(","))
    return Rights(
        read="read_only" in granted,
        trade="trade" in granted,
        withdraw="withdraw" in granted,
        addresses=addresses,
    )


async def _margin_mode(call: Caller) -> str:
    """Every position has its own."""
    return "cross"


async def _account_type(call: Caller) -> AccountType:
    """The account mode; all modes are read the same way."""
    mode = str((await call("privateGetAccountConfig", {}))["data"][0].get("acctLv"))
    return AccountType(_MODES.get(mode, f"unknown account mode {mode}"))


def _delisted(raw_id: str, category: str) -> str:
    """Parsed from a raw id: LUNA-USDT, LUNA-USDT-SWAP, BTC-USD-260327."""
    base, _, rest = raw_id.partition("-")
    quote, _, tail = rest.partition("-")
    kind = "spot" if not tail else "inverse" if quote == "USD" else "linear"
    return unified(raw_id, base, quote, kind, tail.removeprefix("SWAP"))


OKX = Venue(
    wallets=(
        Wallet(
            TRADING,
            {"type": "trading"},
            _cash,
            lambda answer: [coin for account in DATA(answer) for coin in account["details"]],
            ("ccy", "cashBal", "frozenBal", "liab"),
        ),
        Wallet(
            FUNDING,
            {"type": "funding"},
            rows=DATA,
            required=("ccy", "bal", "availBal", "frozenBal"),
        ),
    ),
    positions=tuple(_positions(name, flag) for name, flag in _DERIVATIVES.items()),
    margin_mode=_margin_mode,
    rights=_rights,
    account_type=_account_type,
    open_orders=trading.open_orders(),
    ended_orders=(),
    histories={
        "trades": trading.trades(),
        "orders": trading.orders(),
        "funding": {
            "swap": Source(
                Feed(
                    "privateGetAccountBillsArchive",
                    BY_BILL,
                    {"instType": "SWAP", "limit": LIMIT, "type": "8"},
                    DATA,
                    milliseconds("ts"),
                    between("begin", "end"),
                    required=(*_BILL_FIELDS, "instId"),
                    horizon=THREE_MONTHS,
                ),
                wallet=TRADING,
                parse="parse_ledger_entry",
                category="swap",
                market="instId",
                amend=_payment,
            )
        },
        "transfers": {
            "deposits": _by_time(
                "privateGetAssetDepositHistory",
                FUNDING,
                "parse_transaction",
                "deposit",
                lambda _, row: row | {"to_wallet": FUNDING},
                ("depId", "ccy", "amt", "state", "ts"),
            ),
            "withdrawals": _by_time(
                "privateGetAssetWithdrawalHistory",
                FUNDING,
                "parse_transaction",
                "withdrawal",
                lambda _, row: row | {"from_wallet": FUNDING},
                ("wdId", "ccy", "amt", "state", "fee", "ts"),
            ),
            "from trading": _by_time(
                "privateGetAssetBillsHistory",
                FUNDING,
                "parse_ledger_entry",
                "transfer",
                _moved,
                _BILL_FIELDS,
                type=_FROM_TRADING,
            ),
            "to trading": _by_time(
                "privateGetAssetBillsHistory",
                FUNDING,
                "parse_ledger_entry",
                "transfer",
                _moved,
                _BILL_FIELDS,
                type=_TO_TRADING,
            ),
        },
        "ledger": {
            TRADING: Source(
                Feed(
                    "privateGetAccountBillsArchive",
                    BY_BILL,
                    {"limit": 100},
                    DATA,
                    milliseconds("ts"),
                    between("begin", "end"),
                    required=(*_BILL_FIELDS, "ordId"),
                    horizon=THREE_MONTHS,
                ),
                wallet=TRADING,
                parse="parse_ledger_entry",
                amend=_entry,
            ),
            FUNDING: _by_time(
                "privateGetAssetBillsHistory",
                FUNDING,
                "parse_ledger_entry",
                "",
                _entry,
                _BILL_FIELDS,
            ),
        },
    },
    order_by_id=trading.order_by_id,
    tickers={"spot": {"type": "spot"}, "swap": {"type": "swap"}, "future": {"type": "future"}},
    priced=dict.fromkeys(("spot", "swap", "future"), _PRICE_FIELDS),
    lag=timedelta(seconds=30),
    keeps_unfilled_orders=trading.UNFILLED_KEPT,
    delisted=_delisted,
    needs_password=True,
    charged=limits.charged,
)
