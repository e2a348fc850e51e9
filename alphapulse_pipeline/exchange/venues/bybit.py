"""Bybit V5, unified trading account.

API documentation: Get Execution List, Get Order History, Get Open & Closed Orders, Get
Position Info, Get Wallet Balance, Get All Coins Balance, Get Account Info, Get Tickers, Get
Transaction Log, Get Deposit Records, Get Internal Deposit Records, Get Withdrawal Records, Get
Internal Transfer Records, Get Universal Transfer Records, Get API Key Information
(bybit-exchange.github.io).

Each category is requested separately, and decides the market of its rows: without it, ccxt infers
spot or linear from a row's fields and may confuse them.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from alphapulse_pipeline.datasets.values import Row, number
from alphapulse_pipeline.exchange.account_type import AccountType
from alphapulse_pipeline.exchange.feed import (
    Caller,
    Feed,
    Raw,
    at,
    between,
    milliseconds,
    to_time,
)
from alphapulse_pipeline.exchange.markets import pair_of, unified
from alphapulse_pipeline.exchange.rights import Rights
from alphapulse_pipeline.exchange.venues.ledger_classes import ledger_class
from alphapulse_pipeline.exchange.venues.limits import bybit as limits
from alphapulse_pipeline.exchange.venues.venue import Amend, Source, Venue, Wallet
from alphapulse_pipeline.exchange.walker import Cursor

CATEGORIES = ("spot", "linear", "inverse", "option")

_PAGES = Cursor("cursor", lambda answer, _: at("result", "nextPageCursor")(answer), disorder=1_000)
# The order of these lists is undocumented: only the last page proves anything.
_PAGES_IN_ANY_ORDER = Cursor("cursor", _PAGES.next, ordered=False)
_LIST = at("result", "list")
_WINDOW = between("startTime", "endTime")
_TWO_YEARS = timedelta(days=730)

# execType -> kind. Funding payments are in the same feed and are not fills.
_KINDS = {
    "Trade": "trade",
    "BlockTrade": "trade",
    "MovePosition": "trade",
    "FutureSpread": "trade",
    "BustTrade": "liquidation",
    "AdlTrade": "adl",
    "Delivery": "settlement",
    "Settle": "settlement",
}
_NOT_FILLS = {"Funding", "SessionSettlePnL"}
# type of a ledger entry -> class
_CLASSES = {
    "TRADE": "trade",
    "LIQUIDATION": "trade",
    "ADL": "trade",
    "DELIVERY": "trade",
    "TRANSFER_IN": "transfer",
    "TRANSFER_OUT": "transfer",
    "SETTLEMENT": "funding",
    "INTEREST": "interest",
    "AIRDROP": "reward",
    "BONUS": "reward",
    "FEE_REFUND": "adjustment",
}
# Partially filled, then canceled: ccxt says closed on spot and canceled on derivatives.
_STATUSES = {"PartiallyFilledCanceled": "canceled"}
# Required fields: stored columns are read from them.
_FILL_FIELDS = (
    "symbol",
    "execId",
    "execTime",
    "execType",
    "orderId",
    "side",
    "execPrice",
    "execQty",
    "execValue",
    "execFee",
    "feeCurrency",
)
_ORDER_FIELDS = (
    "symbol",
    "orderId",
    "orderLinkId",
    "orderStatus",
    "orderType",
    "side",
    "price",
    "qty",
    "cumExecQty",
    "cumExecValue",
    "avgPrice",
    "createdTime",
    "updatedTime",
)
_POSITION_FIELDS = (
    "symbol",
    "side",
    "size",
    "avgPrice",
    "markPrice",
    "leverage",
    "liqPrice",
    "unrealisedPnl",
)
_ENTRY_FIELDS = ("id", "type", "currency", "change", "cashBalance", "tradeId", "orderId")
_TRANSFER_FIELDS = {
    "deposit": ("id", "txID", "coin", "amount", "status", "successAt", "depositFee"),
    "withdrawal": ("withdrawId", "coin", "amount", "status", "withdrawFee", "createTime"),
    "transfer": (
        "transferId",
        "coin",
        "amount",
        "status",
        "fromAccountType",
        "toAccountType",
        "timestamp",
    ),
}
_PRICE_FIELDS = {"last": "lastPrice", "bid": "bid1Price", "ask": "ask1Price"}
# Groups of permissions that send money to other users.
_PAYMENT_GROUPS = {"FiatP2P", "FiatBybitPay"}
_NEVER = "1970-01-01T00:00:00Z"
_WALLETS = {"UNIFIED": "unified", "FUND": "funding"}

_UPGRADE = "upgrade it to a unified trading account 2.0 at Bybit (Assets, Upgrade)"
_TYPES = {
    "1": AccountType("classic", "the wallets of a classic account are not read", _UPGRADE),
    **dict.fromkeys(
        ("3", "4"),
        AccountType(
            "unified 1.0",
            "the separate wallet for inverse contracts is not read",
            _UPGRADE,
        ),
    ),
    **dict.fromkeys(("5", "6"), AccountType("unified 2.0")),
}

# Quotes of spot pairs, to parse delisted raw ids.
_QUOTES = ("USDT", "USDC", "USDE", "BRZ", "BTC", "ETH", "EUR", "DAI", "BRL", "TRY")


def _fill(raw: Raw, row: Row) -> Row | None:
    kind = str(raw.get("execType"))
    if kind in _NOT_FILLS:
        return None
    # Keep unknown types as trades: a wrong kind is better than a missing fill.
    currency = raw.get("feeCurrency") or raw.get("feeCoin") or row["fee_currency"]
    return row | {
        "kind": _KINDS.get(kind, "trade"),
        "fee_currency": currency,
        "realized_pnl": number(raw.get("execPnl")) if ":" in row["market"] else None,
    }


def _order(raw: Raw, row: Row) -> Row:
    return row | {"status": _STATUSES.get(str(raw.get("orderStatus")), row["status"])}


def _payment(raw: Raw, row: Row) -> Row:
    """ccxt returns the fee, positive when paid, and on linear always in dollars."""
    settle = str(row["market"]).rpartition(":")[2]
    return row | {"amount": -Decimal(row["amount"]), "asset": settle}


def _entry(raw: Raw, row: Row) -> Row:
    """`change` is the change of the balance, fee included."""
    return row | {
        "kind": raw["type"],
        "amount": Decimal(raw["change"]),
        "reference_id": raw.get("tradeId") or raw.get("orderId") or "",
        "class": ledger_class(raw["type"], _CLASSES),
    }


def _moved(raw: Raw, row: Row) -> Row:
    return row | {
        "from_wallet": _WALLETS.get(raw["fromAccountType"], raw["fromAccountType"].lower()),
        "to_wallet": _WALLETS.get(raw["toAccountType"], raw["toAccountType"].lower()),
    }


def _by_category(
    method: str,
    categories: tuple[str, ...],
    time: str,
    parse: str,
    amend: Amend,
    required: tuple[str, ...],
    flags: tuple[str, ...] = (),
    **params: Any,
) -> dict[str, Source]:
    return {
        category: Source(
            Feed(
                method,
                _PAGES,
                {"category": category, **params},
                _LIST,
                milliseconds(time),
                _WINDOW,
                required=required,
                flags=flags,
                window=timedelta(days=7),
                horizon=_TWO_YEARS,
            ),
            wallet="unified",
            parse=parse,
            category=category,
            market="symbol",
            amend=amend,
        )
        for category in categories
    }


def _transfers(
    method: str, kind: str, parse: str, time: str, days: int, amend: Amend, *rows: str
) -> Source:
    """Deposits, withdrawals or transfers. Rows with a blank time are still pending and left out."""
    listed = at("result", *rows)
    timed = milliseconds(time)

    def completed(answer: Any) -> Any:
        found = listed(answer)
        if not isinstance(found, list):
            return found
        # a row without the field is kept, and rejected as unreadable
        return [row for row in found if timed(row) or not _is_blank(row, time)]

    return Source(
        Feed(
            method,
            _PAGES_IN_ANY_ORDER,
            {"limit": 50} | ({"withdrawType": 2} if kind == "withdrawal" else {}),
            completed,
            timed,
            _WINDOW,
            required=_TRANSFER_FIELDS[kind],
            window=timedelta(days=days),
            horizon=_TWO_YEARS,
        ),
        wallet="funding",
        parse=parse,
        kind=kind,
        amend=amend,
    )


def _is_blank(row: Any, name: str) -> bool:
    return isinstance(row, Mapping) and row.get(name) in ("", "0", 0)


def _deposited(raw: Raw, row: Row) -> Row:
    return row | {"to_wallet": "funding"}


def _withdrawn(raw: Raw, row: Row) -> Row:
    changed = milliseconds("updateTime")(raw)
    return row | {"from_wallet": "funding", "updated_at": to_time(changed) if changed else None}


def _held(method: str, limit: int, categories: tuple[str, ...], **more: Any) -> tuple[Source, ...]:
    """What is currently open. Linear needs one request per settlement coin."""
    scopes = [
        {"category": category, **({"settleCoin": coin} if coin else {})}
        for category in categories
        for coin in (("USDT", "USDC") if category == "linear" else (None,))
    ]
    return tuple(_now(method, scope | {"limit": limit, **more}) for scope in scopes)


def _now(method: str, params: dict[str, Any]) -> Source:
    return Source(
        Feed(
            method,
            _PAGES,
            params,
            _LIST,
            required=_POSITION_FIELDS if "Position" in method else _ORDER_FIELDS,
        ),
        wallet="unified",
        parse="parse_position" if "Position" in method else "parse_order",
        category=params["category"],
        market="symbol",
        amend=_order,
    )


def _order_by_id(category: str, market: str, order_id: str) -> tuple[Source, ...]:
    params = {"category": category, "orderId": order_id}
    return (
        _now("privateGetV5OrderRealtime", params),
        _now("privateGetV5OrderHistory", params),
    )


async def _rights(call: Caller) -> Rights:
    """Any key may request this. Read-only keys list the same permission names as others; unknown
    permissions count as permission to trade."""
    info = (await call("privateGetV5UserQueryApi", {})).get("result") or {}
    groups = info.get("permissions")
    if not isinstance(groups, dict):
        return Rights()
    granted = {(group, name) for group, names in groups.items() for name in names or ()}
    writes = None if info.get("readOnly") is None else str(info["readOnly"]) != "1"
    withdrawing = {
        (group, name)
        for group, name in granted
        if group in _PAYMENT_GROUPS
        or (group == "Wallet" and name.startswith(("Withdraw", "SubMember")))
    }
    # 1970 means never
    expires_at = datetime.fromisoformat(info.get("expiredAt") or _NEVER)
    return Rights(
        read=bool(granted),
        trade=writes and bool(granted - withdrawing),
        withdraw=writes and bool(withdrawing),
        expires_at=expires_at if expires_at.year > 1970 else None,
        addresses=tuple(ip for ip in info.get("ips") or () if ip != "*"),
    )


async def _margin_mode(call: Caller) -> str:
    """The account's mode: on unified accounts, a position's `tradeMode` is always cross."""
    answer = await call("privateGetV5AccountInfo", {})
    return "isolated" if answer["result"].get("marginMode") == "ISOLATED_MARGIN" else "cross"


async def _account_type(call: Caller) -> AccountType:
    """`unifiedMarginStatus`: 1 classic, 3 and 4 unified 1.0, 5 and 6 unified 2.0."""
    answer = await call("privateGetV5AccountInfo", {})
    status = str(answer["result"].get("unifiedMarginStatus"))
    return _TYPES.get(status, AccountType(f"unknown account type {status}"))


def _delisted(raw_id: str, category: str) -> str:
    """Parsed from a raw id: LUNAUSDT, BTCPERP, BTCUSD, BTCUSDT-26SEP25."""
    symbol, _, expiry = raw_id.partition("-")
    if symbol.endswith("PERP"):
        base, quote = symbol.removesuffix("PERP"), "USDC"
    else:
        endings = ("USD",) if category == "inverse" else _QUOTES
        base, quote = pair_of(symbol, endings)
    return unified(raw_id, base, quote, category, expiry)


def _coins(answer: Any) -> Any:
    accounts = _LIST(answer)
    return [coin for account in accounts for coin in account["coin"]]


BYBIT = Venue(
    wallets=(
        Wallet(
            "unified",
            {"type": "unified"},
            rows=_coins,
            required=("coin", "walletBalance", "locked", "totalOrderIM", "totalPositionIM"),
        ),
        Wallet(
            "funding",
            {"type": "funding"},
            rows=at("result", "balance"),
            required=("coin", "walletBalance", "transferBalance"),
        ),
    ),
    positions=_held("privateGetV5PositionList", 200, ("linear", "inverse", "option")),
    margin_mode=_margin_mode,
    rights=_rights,
    account_type=_account_type,
    open_orders=_held("privateGetV5OrderRealtime", 50, CATEGORIES),
    # the newest 500 of each scope; the history is documented to be filled with a delay
    ended_orders=_held("privateGetV5OrderRealtime", 50, CATEGORIES, openOnly=1),
    histories={
        "trades": _by_category(
            "privateGetV5ExecutionList",
            CATEGORIES,
            "execTime",
            "parse_trade",
            _fill,
            _FILL_FIELDS,
            ("isMaker",),
            limit=100,
        ),
        "orders": _by_category(
            "privateGetV5OrderHistory",
            CATEGORIES,
            "createdTime",
            "parse_order",
            _order,
            _ORDER_FIELDS,
            limit=50,
        ),
        "funding": _by_category(
            "privateGetV5ExecutionList",
            ("linear", "inverse"),
            "execTime",
            "parse_income",
            _payment,
            _FILL_FIELDS,
            limit=100,
            execType="Funding",
        ),
        "transfers": {
            "deposits": _transfers(
                "privateGetV5AssetDepositQueryRecord",
                "deposit",
                "parse_transaction",
                "successAt",
                30,
                _deposited,
                "rows",
            ),
            "withdrawals": _transfers(
                "privateGetV5AssetWithdrawQueryRecord",
                "withdrawal",
                "parse_transaction",
                "createTime",
                30,
                _withdrawn,
                "rows",
            ),
            "transfers": _transfers(
                "privateGetV5AssetTransferQueryInterTransferList",
                "transfer",
                "parse_transfer",
                "timestamp",
                7,
                _moved,
                "list",
            ),
        },
        "ledger": {
            "unified": Source(
                Feed(
                    "privateGetV5AccountTransactionLog",
                    _PAGES,
                    {"accountType": "UNIFIED", "limit": 50},
                    _LIST,
                    milliseconds("transactionTime"),
                    _WINDOW,
                    required=_ENTRY_FIELDS,
                    window=timedelta(days=7),
                    horizon=_TWO_YEARS,
                ),
                wallet="unified",
                parse="parse_ledger_entry",
                amend=_entry,
            )
        },
    },
    order_by_id=_order_by_id,
    tickers={
        "spot": {"type": "spot"},
        "linear": {"type": "swap", "subType": "linear"},
        "inverse": {"type": "swap", "subType": "inverse"},
    },
    priced=dict.fromkeys(("spot", "linear", "inverse"), _PRICE_FIELDS),
    lag=timedelta(seconds=30),
    keeps_unfilled_orders=timedelta(days=1),
    delisted=_delisted,
    settings={
        # Requesting currencies needs a permission that the key may lack; markets have the codes.
        "has": {"fetchCurrencies": False},
        # All accounts are unified by now: detecting it costs two requests per run.
        "options": {
            "enableUnifiedMargin": False,
            "enableUnifiedAccount": True,
            "unifiedMarginStatus": 6,
        },
    },
    charged=limits.charged,
)
