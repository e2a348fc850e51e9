"""Kraken, spot and margin.

Pages of its documentation: Get Trades History, Get Closed Orders, Get Open Orders, Query Orders
Info, Get Ledgers Info, Get Status of Recent Deposits, Get Status of Recent Withdrawals, Get API Key
Info (docs.kraken.com/api). Futures are another exchange, with keys of their own: `krakenfutures`.

What moves the balances is the ledger: a fill makes an entry for each of its two assets. Histories
come in pages of 50 with an offset, and tell how many rows there are in all.
"""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from alphapulse_pipeline.datasets.values import Row, number
from alphapulse_pipeline.exchange.account_type import AccountType
from alphapulse_pipeline.exchange.feed import Caller, Feed, Raw, at, seconds, to_time
from alphapulse_pipeline.exchange.markets import pair_of, unified
from alphapulse_pipeline.exchange.rights import Rights
from alphapulse_pipeline.exchange.venues.venue import Amend, Source, Venue, Wallet
from alphapulse_pipeline.exchange.walker import Counted, Cursor, Whole

_SPOT = "spot"
# A window begins anew when a row turns up late: it is not to be too long.
_MONTH = timedelta(days=30)
# The rights of a key by which money goes to somewhere else, or the way there is laid.
_LEAVING = {"withdraw-funds", "add-withdraw-address", "update-withdraw-address"}
# To deposit is to be told an address; a token opens streams with the key's other rights.
_HARMLESS = {"add-funds", "export-data", "create-ws-token"}
_BITCOIN = {"XBT": "BTC", "XDG": "DOGE"}
_QUOTES = ("USDT", "USDC", "ZUSD", "ZEUR", "XXBT", "USD", "EUR", "GBP", "XBT", "ETH", "CAD", "JPY")
# type of a ledger entry -> the history that tells the same
_REPEATED = {"trade": "trades", "deposit": "transfers", "withdrawal": "transfers"}


# What every row has, and the tables are made of.
_OF_FILLS = (
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
_OF_ORDERS = ("pair", "status", "opentm", "vol", "vol_exec", "cost", "price")
_OF_ENTRIES = ("refid", "time", "type", "asset", "amount", "fee", "balance")
_OF_MONEY = ("refid", "asset", "amount", "fee", "time", "status")


def _keyed(*path: str) -> Callable[[Any], Any]:
    """Rows that are listed under their ids, which they do not tell themselves; orders tell their
    pair within a description."""
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
    """Whole seconds, of which the first is left out."""
    return {"start": first // 1000 - 1, "end": -(-last // 1000)}


def _history(method: str, name: str, time: str, needs: tuple[str, ...], **params: Any) -> Feed:
    return Feed(
        method,
        Counted("ofs", at("result", "count"), at("id")),
        params,
        _keyed("result", name),
        seconds(time),
        _between,
        needs=needs,
        window=_MONTH,
    )


def _happened(time: str, raw: Raw) -> Any:
    """ccxt takes these times through floats."""
    found = seconds(time)(raw)
    return None if found is None else to_time(found)


def _fill(raw: Raw, row: Row) -> Row:
    # a market that is no longer listed has no quote for ccxt
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
        raise ValueError("an order has ended and does not tell when (closetm)")
    return row | {
        "created_at": created,
        "updated_at": _happened("closetm", raw) if raw.get("closetm") else created,
    }


def _entry(raw: Raw, row: Row) -> Row:
    kind = raw["type"]
    # a withdrawal that is called off comes back as one of a positive amount: told here only
    refund = kind == "withdrawal" and row["amount"] > 0
    return row | {
        "kind": kind,
        "repeats": "" if refund else _REPEATED.get(kind, ""),
        "happened_at": _happened("time", raw),
    }


def _listed(answer: Any) -> Any:
    """The one list of an answer, whatever it is called; a bare list where there is no cursor."""
    result = at("result")(answer)
    if isinstance(result, Mapping):
        return next((rows for rows in result.values() if isinstance(rows, list)), None)
    return result


def _deposited(raw: Raw, row: Row) -> Row:
    return row | {"to_wallet": _SPOT}


def _withdrawn(raw: Raw, row: Row) -> Row:
    """What was called off comes back, and is a failure to ccxt."""
    status = "canceled" if raw.get("status-prop") == "canceled" else row["status"]
    return row | {"from_wallet": _SPOT, "status": status}


def _money(method: str, kind: str, amend: Amend) -> Source:
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
            needs=_OF_MONEY,
        ),
        wallet=_SPOT,
        parse="parse_transaction",
        kind=kind,
        amend=amend,
    )


def _orders(method: str, name: str, **params: Any) -> Source:
    path = ("result", name) if name else ("result",)
    return Source(
        Feed(method, Whole(), params, _keyed(*path), needs=_OF_ORDERS),
        wallet=_SPOT,
        parse="parse_order",
        category=_SPOT,
        market="pair",
        amend=_order,
    )


async def _rights(call: Caller) -> Rights:
    """Any key may ask this. A right that is not known here may do something: it counts as one to
    trade."""
    told = (await call("privatePostGetApiKeyInfo", {})).get("result") or {}
    if not isinstance(told.get("permissions"), list):
        return Rights()
    granted = set(told["permissions"])
    reading = {name for name in granted if name.startswith("query-")}
    expires_at = int(told.get("validUntil") or 0)
    return Rights(
        read=bool(reading),
        trade=bool(granted - reading - _HARMLESS - _LEAVING),
        withdraw=bool(granted & _LEAVING),
        expires_at=to_time(expires_at * 1000) if expires_at else None,
        addresses=tuple(told.get("ipAllowlist") or ()),
    )


async def _margin_mode(call: Caller) -> str:
    return "cross"


def _delisted(raw_id: str, category: str) -> str:
    """Read off a raw id or its other name: XXBTZUSD, XBTUSD, FTMUSDT."""
    base, quote = pair_of(raw_id, _QUOTES)
    return unified(raw_id, _code(base), _code(quote), "spot")


def _code(asset: str) -> str:
    # the oldest assets have four letters, of which the first tells coins from money
    short = asset[1:] if len(asset) == 4 and asset[0] in "XZ" else asset
    return _BITCOIN.get(short, short)


async def _account_type(call: Caller) -> AccountType:
    """There is one kind, with or without margin."""
    return AccountType("spot and margin")


KRAKEN = Venue(
    wallets=(
        Wallet(
            _SPOT,
            rows=lambda answer: list(answer["result"].values()),
            needs=("balance", "hold_trade"),
        ),
    ),
    positions=(),
    margin_mode=_margin_mode,
    rights=_rights,
    account_type=_account_type,
    open_orders=(_orders("privatePostOpenOrders", "open"),),
    ended_orders=(),
    histories={
        "trades": {
            "trades": Source(
                # what one order took at once comes as one trade, unless it is told not to
                _history(
                    "privatePostTradesHistory", "trades", "time", _OF_FILLS, consolidate_taker=False
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
                    "privatePostClosedOrders", "closed", "opentm", _OF_ORDERS, closetime="open"
                ),
                wallet=_SPOT,
                parse="parse_order",
                category=_SPOT,
                market="pair",
                amend=_order,
            )
        },
        "transfers": {
            "deposits": _money("privatePostDepositStatus", "deposit", _deposited),
            "withdrawals": _money(
                "privatePostWithdrawStatus",
                "withdrawal",
                _withdrawn,
            ),
        },
        "ledger": {
            "ledger": Source(
                _history("privatePostLedgers", "ledger", "time", _OF_ENTRIES),
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
    # it is not known to forget any
    forgets=timedelta(days=365),
    delisted=_delisted,
    # The counter of the lowest tier holds 15 and a call for a history costs 2: seven at once, then
    # one in six seconds.
    settings={"tokenBucket": {"capacity": 40, "tokens": 40}},
)
