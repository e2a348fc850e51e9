"""OKX V5.

API documentation: Get transaction details (last 3 months), Get order history (last 3
months), Get order List, Get order details, Get bills details (last 3 months), Get positions, Get
deposit history, Get withdrawal history, Get asset bills history, Get account configuration
(www.okx.com/docs-v5).

Lists are newest first, at most a hundred rows per page, and continue after a row's id; only an
empty page ends the list. Fills are identified by `billId`: `tradeId` is unique only per instrument.
"""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

from alphapulse_pipeline.datasets.values import Row, number
from alphapulse_pipeline.exchange.account_type import AccountType
from alphapulse_pipeline.exchange.feed import Caller, Feed, Raw, at, between, milliseconds
from alphapulse_pipeline.exchange.markets import unified
from alphapulse_pipeline.exchange.rights import Rights
from alphapulse_pipeline.exchange.venues.ledger_classes import ledger_class
from alphapulse_pipeline.exchange.venues.limits import okx as limits
from alphapulse_pipeline.exchange.venues.venue import Amend, Source, Venue, Wallet
from alphapulse_pipeline.exchange.walker import Cursor, Whole, Windows
from alphapulse_pipeline.exchange.walker.cursor import last_row

# instType -> ccxt's flag of its markets
_TYPES = {"SPOT": "spot", "MARGIN": "spot", "SWAP": "swap", "FUTURES": "future", "OPTION": "option"}
_DERIVATIVES = {name: flag for name, flag in _TYPES.items() if flag != "spot"}

# acctLv
_MODES = {
    "1": "spot mode",
    "2": "spot and futures mode",
    "3": "multi-currency margin",
    "4": "portfolio margin",
}

_DATA = at("data")
_THREE_MONTHS = timedelta(days=90)
_TRADING, _FUNDING = "trading", "funding"
_FROM_TRADING, _TO_TRADING = "130", "131"

# type of a bill -> class, per wallet: the same number means different things
_CLASSES = {
    _TRADING: {
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
    _FUNDING: {
        "1": "transfer",  # deposit
        "2": "transfer",  # withdrawal
        "13": "adjustment",  # refund of a canceled withdrawal, in no other history
        _FROM_TRADING: "transfer",
        _TO_TRADING: "transfer",
    },
}

# Required fields: stored columns are read from them.
_FILL_FIELDS = (
    "instId",
    "billId",
    "ordId",
    "side",
    "fillPx",
    "fillSz",
    "fee",
    "feeCcy",
    "execType",
    "subType",
    "ts",
)
_ORDER_FIELDS = (
    "instId",
    "ordId",
    "clOrdId",
    "state",
    "ordType",
    "side",
    "px",
    "sz",
    "accFillSz",
    "avgPx",
    "cTime",
    "uTime",
)
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

# subType of a fill -> kind; all others are trades
_KINDS = {
    **dict.fromkeys(("100", "101", "102", "103", "104", "105", "106", "107"), "liquidation"),
    **dict.fromkeys(("125", "126", "127", "128"), "adl"),
    **dict.fromkeys(("112", "113", "170", "171", "172"), "settlement"),
}


def _fill(raw: Raw, row: Row) -> Row:
    role = row["taker_or_maker"]
    return row | {
        "trade_id": raw["billId"],
        "kind": _KINDS.get(str(raw.get("subType")), "trade"),
        "realized_pnl": number(raw.get("fillPnl")) if ":" in row["market"] else None,
        # liquidations have no role
        "taker_or_maker": role if role in ("taker", "maker") else None,
    }


def _order(raw: Raw, row: Row) -> Row:
    return row


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
    wallets = (_TRADING, _FUNDING) if raw["type"] == _FROM_TRADING else (_FUNDING, _TRADING)
    return row | {
        "amount": abs(row["amount"]),
        "fee_cost": None,
        "fee_currency": None,
        "from_wallet": wallets[0],
        "to_wallet": wallets[1],
        "status": "ok",
    }


def _by_type(
    types: Mapping[str, str],
    method: str,
    paging: Cursor,
    time: str,
    parse: str,
    amend: Amend,
    required: tuple[str, ...],
    window: timedelta | None = None,
    **params: Any,
) -> dict[str, Source]:
    return {
        name.lower(): Source(
            Feed(
                method,
                paging,
                {"instType": name, "limit": 100, **params},
                _DATA,
                milliseconds(time),
                between("begin", "end"),
                required=required,
                window=window,
                horizon=_THREE_MONTHS,
            ),
            wallet=_TRADING,
            parse=parse,
            category=flag,
            market="instId",
            amend=amend,
        )
        for name, flag in types.items()
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
            _DATA,
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


def _orders(method: str, params: Mapping[str, Any], flag: str, paging: Cursor | Whole) -> Source:
    return Source(
        Feed(method, paging, params, _DATA, required=_ORDER_FIELDS),
        wallet=_TRADING,
        parse="parse_order",
        category=flag,
        market="instId",
        amend=_order,
    )


def _positions(name: str, flag: str) -> Source:
    return Source(
        Feed(
            "privateGetAccountPositions",
            Whole(),
            {"instType": name},
            _DATA,
            required=_POSITION_FIELDS,
        ),
        wallet=_TRADING,
        parse="parse_position",
        category=flag,
        market="instId",
    )


def _cash(answer: Any) -> Iterable[tuple[str, Any, Any, Any]]:
    """`cashBal`: `eq`, which ccxt uses as total, includes unrealized PnL."""
    return [
        (coin["ccy"], coin["cashBal"], coin["frozenBal"], coin.get("liab"))
        for account in _DATA(answer)
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


_BY_ORDER = Cursor("after", last_row("ordId"), ordered=False)
# sorted by id; the times may be slightly out of order
_BY_BILL = Cursor("after", last_row("billId"), disorder=5_000)

OKX = Venue(
    wallets=(
        Wallet(
            _TRADING,
            {"type": "trading"},
            _cash,
            lambda answer: [coin for account in _DATA(answer) for coin in account["details"]],
            ("ccy", "cashBal", "frozenBal", "liab"),
        ),
        Wallet(
            _FUNDING,
            {"type": "funding"},
            rows=_DATA,
            required=("ccy", "bal", "availBal", "frozenBal"),
        ),
    ),
    positions=tuple(_positions(name, flag) for name, flag in _DERIVATIVES.items()),
    margin_mode=_margin_mode,
    rights=_rights,
    account_type=_account_type,
    open_orders=tuple(
        _orders("privateGetTradeOrdersPending", {"instType": name, "limit": 100}, flag, _BY_ORDER)
        for name, flag in _TYPES.items()
    ),
    ended_orders=(),
    histories={
        "trades": _by_type(
            _TYPES,
            "privateGetTradeFillsHistory",
            _BY_BILL,
            "ts",
            "parse_trade",
            _fill,
            _FILL_FIELDS,
        ),
        # possibly sorted by closing time: only complete windows prove anything
        "orders": _by_type(
            _TYPES,
            "privateGetTradeOrdersHistoryArchive",
            _BY_ORDER,
            "cTime",
            "parse_order",
            _order,
            _ORDER_FIELDS,
            window=timedelta(days=7),
        ),
        "funding": _by_type(
            {"SWAP": "swap"},
            "privateGetAccountBillsArchive",
            _BY_BILL,
            "ts",
            "parse_ledger_entry",
            _payment,
            (*_BILL_FIELDS, "instId"),
            type="8",
        ),
        "transfers": {
            "deposits": _by_time(
                "privateGetAssetDepositHistory",
                _FUNDING,
                "parse_transaction",
                "deposit",
                lambda _, row: row | {"to_wallet": _FUNDING},
                ("depId", "ccy", "amt", "state", "ts"),
            ),
            "withdrawals": _by_time(
                "privateGetAssetWithdrawalHistory",
                _FUNDING,
                "parse_transaction",
                "withdrawal",
                lambda _, row: row | {"from_wallet": _FUNDING},
                ("wdId", "ccy", "amt", "state", "fee", "ts"),
            ),
            "from trading": _by_time(
                "privateGetAssetBillsHistory",
                _FUNDING,
                "parse_ledger_entry",
                "transfer",
                _moved,
                _BILL_FIELDS,
                type=_FROM_TRADING,
            ),
            "to trading": _by_time(
                "privateGetAssetBillsHistory",
                _FUNDING,
                "parse_ledger_entry",
                "transfer",
                _moved,
                _BILL_FIELDS,
                type=_TO_TRADING,
            ),
        },
        "ledger": {
            _TRADING: Source(
                Feed(
                    "privateGetAccountBillsArchive",
                    _BY_BILL,
                    {"limit": 100},
                    _DATA,
                    milliseconds("ts"),
                    between("begin", "end"),
                    required=(*_BILL_FIELDS, "ordId"),
                    horizon=_THREE_MONTHS,
                ),
                wallet=_TRADING,
                parse="parse_ledger_entry",
                amend=_entry,
            ),
            _FUNDING: _by_time(
                "privateGetAssetBillsHistory",
                _FUNDING,
                "parse_ledger_entry",
                "",
                _entry,
                _BILL_FIELDS,
            ),
        },
    },
    order_by_id=lambda category, market, order_id: (
        _orders("privateGetTradeOrder", {"instId": market, "ordId": order_id}, category, Whole()),
    ),
    tickers={"spot": {"type": "spot"}, "swap": {"type": "swap"}, "future": {"type": "future"}},
    priced=dict.fromkeys(("spot", "swap", "future"), _PRICE_FIELDS),
    lag=timedelta(seconds=30),
    keeps_unfilled_orders=timedelta(hours=2),
    delisted=_delisted,
    needs_password=True,
    charged=limits.charged,
)
