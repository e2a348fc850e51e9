"""Kraken, spot and margin.

API documentation: Get Trades History, Get Closed Orders, Get Open Orders, Query Orders
Info, Get Ledgers Info, Get Status of Recent Deposits, Get Status of Recent Withdrawals, Get API Key
Info (docs.kraken.com/api). Futures are a separate exchange with its own keys: `krakenfutures`.

Every balance change is in the ledger: a fill has one entry for each of its two assets. Histories
are paged by offset, 50 rows per page, and include the count of all rows.
"""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from alphapulse_pipeline.datasets.values import Row, number
from alphapulse_pipeline.exchange.account_type import AccountType
from alphapulse_pipeline.exchange.feed import Caller, Feed, Raw, at, seconds, to_time
from alphapulse_pipeline.exchange.markets import pair_of, unified
from alphapulse_pipeline.exchange.rights import Rights
from alphapulse_pipeline.exchange.venues.ledger_classes import ledger_class
from alphapulse_pipeline.exchange.venues.limits import kraken as limits
from alphapulse_pipeline.exchange.venues.venue import Amend, Source, Venue, Wallet
from alphapulse_pipeline.exchange.walker import Counted, Cursor, Whole

_SPOT = "spot"
# A walk restarts the window if a row appears late, so windows must not be too long.
_MONTH = timedelta(days=30)
# Permissions that move money out of the account, or prepare it.
_WITHDRAW_PERMISSIONS = {"withdraw-funds", "add-withdraw-address", "update-withdraw-address"}
# add-funds only reveals deposit addresses; a websocket token has no permissions beyond the key's.
_HARMLESS_PERMISSIONS = {"add-funds", "export-data", "create-ws-token"}
_BITCOIN = {"XBT": "BTC", "XDG": "DOGE"}
_QUOTES = ("USDT", "USDC", "ZUSD", "ZEUR", "XXBT", "USD", "EUR", "GBP", "XBT", "ETH", "CAD", "JPY")
# type of a ledger entry -> class
_CLASSES = {
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

# Required fields: stored columns are read from them.
_FILL_FIELDS = (
    "pair",
    "ordertxid",
    "time",
    "type",
    "ordertype",
    "price",
    "vol",
    "cost",
    "fee",
)
_ORDER_FIELDS = ("pair", "status", "opentm", "vol", "vol_exec", "cost", "price")
_ENTRY_FIELDS = ("refid", "time", "type", "asset", "amount", "fee", "balance")
_TRANSFER_FIELDS = ("refid", "asset", "amount", "fee", "time", "status")


def _keyed(*path: str) -> Callable[[Any], Any]:
    """Rows of an object keyed by row id; the id and an order's pair are copied into each row."""
    listed = at(*path)

    def rows(answer: Any) -> Any:
        found = listed(answer)
        if not isinstance(found, Mapping):
            return found
        return [{**row, "id": name, "pair": _pair(row)} for name, row in found.items()]

    return rows


def _pair(row: Mapping[str, Any]) -> Any:
    return row.get("pair") or at("descr", "pair")(row)


def _between(first: int, last: int) -> Mapping[str, Any]:
    """Whole seconds; Kraken excludes the start."""
    return {"start": first // 1000 - 1, "end": -(-last // 1000)}


def _history(method: str, name: str, time: str, required: tuple[str, ...], **params: Any) -> Feed:
    return Feed(
        method,
        Counted("ofs", at("result", "count"), at("id")),
        params,
        _keyed("result", name),
        seconds(time),
        _between,
        required=required,
        window=_MONTH,
    )


def _happened(time: str, raw: Raw) -> Any:
    """The exact time: ccxt converts these times through floats."""
    found = seconds(time)(raw)
    return None if found is None else to_time(found)


def _fill(raw: Raw, row: Row) -> Row:
    # for a delisted market, ccxt has no quote
    quote = str(row["market"]).partition("/")[2].partition(":")[0]
    kind = "liquidation" if "liquidation" in str(raw.get("ordertype")) else "trade"
    role = ("taker", "maker")[raw["maker"]] if "maker" in raw else row["taker_or_maker"]
    return row | {
        "executed_at": _happened("time", raw),
        "cost": number(raw["cost"]),
        "fee_currency": quote,
        "taker_or_maker": role,
        "kind": kind,
    }


def _order(raw: Raw, row: Row) -> Row:
    created = _happened("opentm", raw)
    if raw["status"] in ("closed", "canceled", "expired") and not raw.get("closetm"):
        raise ValueError("a closed order has no closing time (closetm)")
    return row | {
        "created_at": created,
        "updated_at": _happened("closetm", raw) if raw.get("closetm") else created,
    }


def _entry(raw: Raw, row: Row) -> Row:
    kind = raw["type"]
    # a canceled withdrawal is refunded by a withdrawal of a positive amount, in no other history
    refund = kind == "withdrawal" and row["amount"] > 0
    return row | {
        "kind": kind,
        "class": "adjustment" if refund else ledger_class(kind, _CLASSES),
        "happened_at": _happened("time", raw),
    }


def _listed(answer: Any) -> Any:
    """The only list of an answer, whatever its name; answers without a cursor are a bare list."""
    result = at("result")(answer)
    if isinstance(result, Mapping):
        return next((rows for rows in result.values() if isinstance(rows, list)), None)
    return result


def _deposited(raw: Raw, row: Row) -> Row:
    return row | {"to_wallet": _SPOT}


def _withdrawn(raw: Raw, row: Row) -> Row:
    """Canceled withdrawals are refunded; ccxt reports them as failed."""
    status = "canceled" if raw.get("status-prop") == "canceled" else row["status"]
    return row | {"from_wallet": _SPOT, "status": status}


def _transfers(method: str, kind: str, amend: Amend) -> Source:
    return Source(
        Feed(
            method,
            Cursor(
                "cursor", lambda answer, _: at("result", "next_cursor")(answer) or "", ordered=False
            ),
            {"cursor": "true"},
            _listed,
            seconds("time"),
            lambda first, last: {"start": first // 1000, "end": -(-last // 1000)},
            required=_TRANSFER_FIELDS,
        ),
        wallet=_SPOT,
        parse="parse_transaction",
        kind=kind,
        amend=amend,
    )


def _orders(method: str, name: str, **params: Any) -> Source:
    path = ("result", name) if name else ("result",)
    return Source(
        Feed(method, Whole(), params, _keyed(*path), required=_ORDER_FIELDS),
        wallet=_SPOT,
        parse="parse_order",
        category=_SPOT,
        market="pair",
        amend=_order,
    )


async def _rights(call: Caller) -> Rights:
    """Any key may request this. Unknown permissions count as permission to trade."""
    info = (await call("privatePostGetApiKeyInfo", {})).get("result") or {}
    if not isinstance(info.get("permissions"), list):
        return Rights()
    granted = set(info["permissions"])
    reading = {name for name in granted if name.startswith("query-")}
    expires_at = int(info.get("validUntil") or 0)
    return Rights(
        read=bool(reading),
        trade=bool(granted - reading - _HARMLESS_PERMISSIONS - _WITHDRAW_PERMISSIONS),
        withdraw=bool(granted & _WITHDRAW_PERMISSIONS),
        expires_at=to_time(expires_at * 1000) if expires_at else None,
        addresses=tuple(info.get("ipAllowlist") or ()),
    )


def _delisted(raw_id: str, category: str) -> str:
    """Parsed from a raw id or its alternative name: XXBTZUSD, XBTUSD, FTMUSDT."""
    base, quote = pair_of(raw_id, _QUOTES)
    return unified(raw_id, _code(base), _code(quote), "spot")


def _code(asset: str) -> str:
    # the oldest assets have four letters: X for crypto or Z for fiat, then the code
    short = asset[1:] if len(asset) == 4 and asset[0] in "XZ" else asset
    return _BITCOIN.get(short, short)


async def _account_type(call: Caller) -> AccountType:
    """There is only one type, with or without margin."""
    return AccountType("spot and margin")


KRAKEN = Venue(
    wallets=(
        Wallet(
            _SPOT,
            rows=lambda answer: list(answer["result"].values()),
            required=("balance", "hold_trade"),
        ),
    ),
    positions=(),
    rights=_rights,
    account_type=_account_type,
    open_orders=(_orders("privatePostOpenOrders", "open"),),
    histories={
        "trades": {
            "trades": Source(
                # by default, Kraken merges the simultaneous fills of a taker order
                _history(
                    "privatePostTradesHistory",
                    "trades",
                    "time",
                    _FILL_FIELDS,
                    consolidate_taker=False,
                ),
                wallet=_SPOT,
                parse="parse_trade",
                category=_SPOT,
                market="pair",
                amend=_fill,
            )
        },
        "orders": {
            "orders": Source(
                _history(
                    "privatePostClosedOrders", "closed", "opentm", _ORDER_FIELDS, closetime="open"
                ),
                wallet=_SPOT,
                parse="parse_order",
                category=_SPOT,
                market="pair",
                amend=_order,
            )
        },
        "transfers": {
            "deposits": _transfers("privatePostDepositStatus", "deposit", _deposited),
            "withdrawals": _transfers(
                "privatePostWithdrawStatus",
                "withdrawal",
                _withdrawn,
            ),
        },
        "ledger": {
            "ledger": Source(
                _history("privatePostLedgers", "ledger", "time", _ENTRY_FIELDS),
                wallet=_SPOT,
                parse="parse_ledger_entry",
                amend=_entry,
            )
        },
    },
    order_by_id=lambda category, market, order_id: (
        _orders("privatePostQueryOrders", "", txid=order_id),
    ),
    tickers={"spot": {}},
    priced={"spot": {"last": "c", "bid": "b", "ask": "a"}},
    lag=timedelta(seconds=60),
    # no limit is documented
    keeps_unfilled_orders=timedelta(days=365),
    delisted=_delisted,
    charged=limits.charged,
)
