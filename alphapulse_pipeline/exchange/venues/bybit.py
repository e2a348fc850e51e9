"""Bybit V5, unified trading account.

Pages of its documentation: Get Execution List, Get Order History, Get Open & Closed Orders, Get
Position Info, Get Wallet Balance, Get All Coins Balance, Get Account Info, Get Tickers, Get
Transaction Log, Get Deposit Records, Get Internal Deposit Records, Get Withdrawal Records, Get
Internal Transfer Records, Get Universal Transfer Records, Get API Key Information
(bybit-exchange.github.io).

Categories are asked one by one, and the category asked for decides the market: without it ccxt
infers spot or linear from a row's fields and can turn one into the other.
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
from alphapulse_pipeline.exchange.venues.venue import Amend, Source, Venue, Wallet
from alphapulse_pipeline.exchange.walker import Cursor

CATEGORIES = ("spot", "linear", "inverse", "option")

_PAGES = Cursor("cursor", lambda answer, _: at("result", "nextPageCursor")(answer), disorder=1_000)
# Nothing is said about the order of these lists: only the last page proves anything.
_PAGES_IN_ANY_ORDER = Cursor("cursor", _PAGES.next, ordered=False)
_LIST = at("result", "list")
_WINDOW = between("startTime", "endTime")
_TWO_YEARS = timedelta(days=730)

# execType -> kind. Funding payments come through the same feed and are no fills.
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
# type of a ledger entry -> the history that tells the same
_REPEATED = {
    **dict.fromkeys(("TRADE", "LIQUIDATION", "ADL", "DELIVERY"), "trades"),
    **dict.fromkeys(("TRANSFER_IN", "TRANSFER_OUT"), "transfers"),
    "SETTLEMENT": "funding",
}
# Partly filled, then cancelled: ccxt says closed on spot and canceled on derivatives.
_STATUSES = {"PartiallyFilledCanceled": "canceled"}
# What every row has, and the tables are made of.
_OF_FILLS = (
    *("symbol", "execId", "execTime", "execType", "orderId", "side", "execPrice", "execQty"),
    *("execValue", "execFee", "feeCurrency"),
)
_OF_ORDERS = (
    *("symbol", "orderId", "orderLinkId", "orderStatus", "orderType", "side", "price", "qty"),
    *("cumExecQty", "cumExecValue", "avgPrice", "createdTime", "updatedTime"),
)
_OF_POSITIONS = (
    *("symbol", "side", "size", "avgPrice", "markPrice", "leverage", "liqPrice", "unrealisedPnl"),
)
_OF_ENTRIES = ("id", "type", "currency", "change", "cashBalance", "tradeId", "orderId")
_OF_MONEY = {
    "deposit": ("id", "txID", "coin", "amount", "status", "successAt", "depositFee"),
    "withdrawal": ("withdrawId", "coin", "amount", "status", "withdrawFee", "createTime"),
    "transfer": (
        *("transferId", "coin", "amount", "status", "fromAccountType", "toAccountType"),
        "timestamp",
    ),
}
_PRICED = {"last": "lastPrice", "bid": "bid1Price", "ask": "ask1Price"}
# Groups of a key's permissions by which money goes to other users.
_PAYING = {"FiatP2P", "FiatBybitPay"}
_NEVER = "1970-01-01T00:00:00Z"
_WALLETS = {"UNIFIED": "unified", "FUND": "funding"}

_UPGRADE = "upgrade it to a unified trading account 2.0 at Bybit (Assets, Upgrade)"
_TYPES = {
    "1": AccountType(
        "classic", "a classic account keeps its money where it is not looked for", _UPGRADE
    ),
    **dict.fromkeys(
        ("3", "4"),
        AccountType(
            "unified 1.0",
            "inverse contracts have a wallet of their own, which is not read",
            _UPGRADE,
        ),
    ),
    **dict.fromkeys(("5", "6"), AccountType("unified 2.0")),
}

# What delisted raw ids end with, longest first: the quote of spot pairs.
_QUOTES = ("USDT", "USDC", "USDE", "BRZ", "BTC", "ETH", "EUR", "DAI", "BRL", "TRY")


def _fill(raw: Raw, row: Row) -> Row | None:
    kind = str(raw.get("execType"))
    if kind in _NOT_FILLS:
        return None
    # A type that Bybit adds tomorrow is kept as a trade: lost would be worse than misnamed.
    currency = raw.get("feeCurrency") or raw.get("feeCoin") or row["fee_currency"]
    return row | {
        "kind": _KINDS.get(kind, "trade"),
        "fee_currency": currency,
        "realized_pnl": number(raw.get("execPnl")) if ":" in row["market"] else None,
    }


def _order(raw: Raw, row: Row) -> Row:
    return row | {"status": _STATUSES.get(str(raw.get("orderStatus")), row["status"])}


def _payment(raw: Raw, row: Row) -> Row:
    """To ccxt the amount is the fee, positive when paid, and always in dollars on linear."""
    settle = str(row["market"]).rpartition(":")[2]
    return row | {"amount": -Decimal(row["amount"]), "asset": settle}


def _entry(raw: Raw, row: Row) -> Row:
    """`change` is what the balance changed by, its fee included."""
    return row | {
        "kind": raw["type"],
        "amount": Decimal(raw["change"]),
        "reference_id": raw.get("tradeId") or raw.get("orderId") or "",
        "repeats": _REPEATED.get(raw["type"], ""),
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
    needs: tuple[str, ...],
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
                needs=needs,
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


def _money(
    method: str, kind: str, parse: str, time: str, days: int, amend: Amend, *rows: str
) -> Source:
    """Deposits, withdrawals, transfers. Those without a time have not happened yet."""
    listed = at("result", *rows)
    timed = milliseconds(time)

    def happened(answer: Any) -> Any:
        found = listed(answer)
        if not isinstance(found, list):
            return found
        # a row that lacks even the field is kept, and not understood
        return [row for row in found if timed(row) or not _is_blank(row, time)]

    return Source(
        Feed(
            method,
            _PAGES_IN_ANY_ORDER,
            {"limit": 50} | ({"withdrawType": 2} if kind == "withdrawal" else {}),
            happened,
            timed,
            _WINDOW,
            needs=_OF_MONEY[kind],
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
    """What is open now. Linear must be asked once per settlement coin."""
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
            needs=_OF_POSITIONS if "Position" in method else _OF_ORDERS,
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
    """Any key may ask this. What a key that only reads may see is named like what others may do;
    what is not known here counts as a right to trade."""
    told = (await call("privateGetV5UserQueryApi", {})).get("result") or {}
    groups = told.get("permissions")
    if not isinstance(groups, dict):
        return Rights()
    granted = {(group, name) for group, names in groups.items() for name in names or ()}
    writes = None if told.get("readOnly") is None else str(told["readOnly"]) != "1"
    leaves = {
        (group, name)
        for group, name in granted
        if group in _PAYING or (group == "Wallet" and name.startswith(("Withdraw", "SubMember")))
    }
    # 1970: never
    expires_at = datetime.fromisoformat(told.get("expiredAt") or _NEVER)
    return Rights(
        read=bool(granted),
        trade=writes and bool(granted - leaves),
        withdraw=writes and bool(leaves),
        expires_at=expires_at if expires_at.year > 1970 else None,
        addresses=tuple(ip for ip in told.get("ips") or () if ip != "*"),
    )


async def _margin_mode(call: Caller) -> str:
    """The account's mode: a position's own `tradeMode` always says cross on unified accounts."""
    answer = await call("privateGetV5AccountInfo", {})
    return "isolated" if answer["result"].get("marginMode") == "ISOLATED_MARGIN" else "cross"


async def _account_type(call: Caller) -> AccountType:
    """`unifiedMarginStatus`: 1 classic, 3 and 4 unified 1.0, 5 and 6 unified 2.0."""
    answer = await call("privateGetV5AccountInfo", {})
    status = str(answer["result"].get("unifiedMarginStatus"))
    return _TYPES.get(status, AccountType(f"of a kind that is not known here ({status})"))


def _delisted(raw_id: str, category: str) -> str:
    """Read off a raw id: LUNAUSDT, BTCPERP, BTCUSD, BTCUSDT-26SEP25."""
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
            needs=("coin", "walletBalance", "locked", "totalOrderIM", "totalPositionIM"),
        ),
        Wallet(
            "funding",
            {"type": "funding"},
            rows=at("result", "balance"),
            needs=("coin", "walletBalance", "transferBalance"),
        ),
    ),
    positions=_held("privateGetV5PositionList", 200, ("linear", "inverse", "option")),
    margin_mode=_margin_mode,
    rights=_rights,
    account_type=_account_type,
    open_orders=_held("privateGetV5OrderRealtime", 50, CATEGORIES),
    # the newest 500 of each scope; the history's own page says that it is filled with a delay
    ended_orders=_held("privateGetV5OrderRealtime", 50, CATEGORIES, openOnly=1),
    histories={
        "trades": _by_category(
            "privateGetV5ExecutionList",
            CATEGORIES,
            "execTime",
            "parse_trade",
            _fill,
            _OF_FILLS,
            ("isMaker",),
            limit=100,
        ),
        "orders": _by_category(
            "privateGetV5OrderHistory",
            CATEGORIES,
            "createdTime",
            "parse_order",
            _order,
            _OF_ORDERS,
            limit=50,
        ),
        "funding": _by_category(
            "privateGetV5ExecutionList",
            ("linear", "inverse"),
            "execTime",
            "parse_income",
            _payment,
            _OF_FILLS,
            limit=100,
            execType="Funding",
        ),
        "transfers": {
            "deposits": _money(
                "privateGetV5AssetDepositQueryRecord",
                "deposit",
                "parse_transaction",
                "successAt",
                30,
                _deposited,
                "rows",
            ),
            "withdrawals": _money(
                "privateGetV5AssetWithdrawQueryRecord",
                "withdrawal",
                "parse_transaction",
                "createTime",
                30,
                _withdrawn,
                "rows",
            ),
            "transfers": _money(
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
                    needs=_OF_ENTRIES,
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
    priced=dict.fromkeys(("spot", "linear", "inverse"), _PRICED),
    lag=timedelta(seconds=30),
    forgets=timedelta(days=1),
    delisted=_delisted,
    settings={
        # Limits are per endpoint and second; a second's worth may be sent at once.
        "tokenBucket": {"capacity": 100, "tokens": 100},
        # Currencies need a signed call that a narrow key may not make; codes come from markets.
        "has": {"fetchCurrencies": False},
        # Every account is unified by now: asking costs two calls a run.
        "options": {
            "enableUnifiedMargin": False,
            "enableUnifiedAccount": True,
            "unifiedMarginStatus": 6,
        },
    },
    # 50 a second by Bybit's table of limits, 10 by ccxt's: half of what is allowed.
    costs={"v5/execution/list": 2, "v5/order/history": 2},
)
