"""OKX V5.

Pages of its documentation: Get transaction details (last 3 months), Get order history (last 3
months), Get order List, Get order details, Get bills details (last 3 months), Get positions, Get
deposit history, Get withdrawal history, Get asset bills history, Get account configuration
(www.okx.com/docs-v5).

Lists are newest first, a hundred rows at most, and go on after the id of a row; only an empty page
is the end. A fill is known by its `billId`: its `tradeId` counts the trades of one instrument.
"""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

from alphapulse_pipeline.datasets.values import Row, number
from alphapulse_pipeline.exchange.account_type import AccountType
from alphapulse_pipeline.exchange.feed import Caller, Feed, Raw, at, between, milliseconds
from alphapulse_pipeline.exchange.markets import unified
from alphapulse_pipeline.exchange.rights import Rights
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

# type of a bill -> the history that tells the same; a withdrawal that comes back is told by none
_REPEATED_BY_TRADING = {
    "1": "transfers",
    **dict.fromkeys(("2", "3", "5", "9"), "trades"),
    "8": "funding",
}
_REPEATED_BY_FUNDING = dict.fromkeys(("1", "2", _FROM_TRADING, _TO_TRADING), "transfers")

# What every row has, and the tables are made of.
_OF_FILLS = (
    *("instId", "billId", "ordId", "side", "fillPx", "fillSz", "fee", "feeCcy", "execType"),
    *("subType", "ts"),
)
_OF_ORDERS = (
    *("instId", "ordId", "clOrdId", "state", "ordType", "side", "px", "sz", "accFillSz"),
    *("avgPx", "cTime", "uTime"),
)
_OF_POSITIONS = (
    *("instId", "pos", "posSide", "avgPx", "markPx", "upl", "lever", "liqPx", "mgnMode"),
)
_OF_BILLS = ("billId", "type", "ccy", "balChg", "bal", "ts")
_PRICED = {"last": "last", "bid": "bidPx", "ask": "askPx"}

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
        # liquidations have none
        "taker_or_maker": role if role in ("taker", "maker") else None,
    }


def _order(raw: Raw, row: Row) -> Row:
    return row


def _payment(raw: Raw, row: Row) -> Row:
    return row | {"asset": raw["ccy"], "amount": number(raw["balChg"])}


def _entry(raw: Raw, row: Row) -> Row:
    """`balChg` is what the balance changed by, its fee included."""
    repeated = _REPEATED_BY_TRADING if row["wallet"] == _TRADING else _REPEATED_BY_FUNDING
    return row | {
        "kind": raw["type"],
        "repeats": repeated.get(raw["type"], ""),
        "amount": number(raw["balChg"]),
        "reference_id": raw.get("ordId") or "",
    }


def _moved(raw: Raw, row: Row) -> Row:
    """A movement between the two wallets, as the funding wallet's bill tells it."""
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
    needs: tuple[str, ...],
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
                needs=needs,
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
    needs: tuple[str, ...],
    **params: Any,
) -> Source:
    """Lists that go on after a time: rows of the same millisecond could be skipped, so their pages
    are not followed, but their windows are cut in pieces."""
    return Source(
        Feed(
            method,
            Windows(margin=1),
            {"limit": 100, **params},
            _DATA,
            milliseconds("ts"),
            # both are left out
            lambda first, last: {"before": first - 1, "after": last + 1},
            needs=needs,
        ),
        wallet=wallet,
        parse=parse,
        kind=kind,
        amend=amend,
    )


def _orders(method: str, params: Mapping[str, Any], flag: str, paging: Cursor | Whole) -> Source:
    return Source(
        Feed(method, paging, params, _DATA, needs=_OF_ORDERS),
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
            needs=_OF_POSITIONS,
        ),
        wallet=_TRADING,
        parse="parse_position",
        category=flag,
        market="instId",
    )


def _cash(answer: Any) -> Iterable[tuple[str, Any, Any, Any]]:
    """`eq`, which ccxt calls total, counts the profit of open positions."""
    return [
        (coin["ccy"], coin["cashBal"], coin["frozenBal"], coin.get("liab"))
        for account in _DATA(answer)
        for coin in account["details"]
    ]


async def _rights(call: Caller) -> Rights:
    """When a key expires is not told: one that may trade and is bound to no address does so after
    14 days without use."""
    told = (await call("privateGetAccountConfig", {}))["data"][0]
    addresses = tuple(ip.strip() for ip in str(told.get("ip") or "").split(",") if ip.strip())
    if not told.get("perm"):
        return Rights(addresses=addresses)
    granted = set(told["perm"].split(","))
    return Rights(
        read="read_only" in granted,
        trade="trade" in granted,
        withdraw="withdraw" in granted,
        addresses=addresses,
    )


async def _margin_mode(call: Caller) -> str:
    """Each position tells its own."""
    return "cross"


async def _account_type(call: Caller) -> AccountType:
    """The account mode; all of them are read alike."""
    mode = str((await call("privateGetAccountConfig", {}))["data"][0].get("acctLv"))
    return AccountType(_MODES.get(mode, f"of a mode that is not known here ({mode})"))


def _delisted(raw_id: str, category: str) -> str:
    """Read off a raw id: LUNA-USDT, LUNA-USDT-SWAP, BTC-USD-260327."""
    base, _, rest = raw_id.partition("-")
    quote, _, tail = rest.partition("-")
    kind = "spot" if not tail else "inverse" if quote == "USD" else "linear"
    return unified(raw_id, base, quote, kind, tail.removeprefix("SWAP"))


_BY_ORDER = Cursor("after", last_row("ordId"), ordered=False)
# by id; their times may differ by a moment
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
            needs=("ccy", "bal", "availBal", "frozenBal"),
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
            _TYPES, "privateGetTradeFillsHistory", _BY_BILL, "ts", "parse_trade", _fill, _OF_FILLS
        ),
        # these may be listed by when they ended: only whole windows prove anything
        "orders": _by_type(
            _TYPES,
            "privateGetTradeOrdersHistoryArchive",
            _BY_ORDER,
            "cTime",
            "parse_order",
            _order,
            _OF_ORDERS,
            window=timedelta(days=7),
        ),
        "funding": _by_type(
            {"SWAP": "swap"},
            "privateGetAccountBillsArchive",
            _BY_BILL,
            "ts",
            "parse_ledger_entry",
            _payment,
            (*_OF_BILLS, "instId"),
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
                _OF_BILLS,
                type=_FROM_TRADING,
            ),
            "to trading": _by_time(
                "privateGetAssetBillsHistory",
                _FUNDING,
                "parse_ledger_entry",
                "transfer",
                _moved,
                _OF_BILLS,
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
                    needs=(*_OF_BILLS, "ordId"),
                    horizon=_THREE_MONTHS,
                ),
                wallet=_TRADING,
                parse="parse_ledger_entry",
                amend=_entry,
            ),
            _FUNDING: _by_time(
                "privateGetAssetBillsHistory", _FUNDING, "parse_ledger_entry", "", _entry, _OF_BILLS
            ),
        },
    },
    order_by_id=lambda category, market, order_id: (
        _orders("privateGetTradeOrder", {"instId": market, "ordId": order_id}, category, Whole()),
    ),
    tickers={"spot": {"type": "spot"}, "swap": {"type": "swap"}, "future": {"type": "future"}},
    priced=dict.fromkeys(("spot", "swap", "future"), _PRICED),
    lag=timedelta(seconds=30),
    forgets=timedelta(hours=2),
    delisted=_delisted,
    needs_password=True,
)
