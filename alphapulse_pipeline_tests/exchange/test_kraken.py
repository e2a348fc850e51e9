"""Kraken, from answers of the form that its pages show: with what may be blank, missing or new.

docs.kraken.com/api-reference/account-data and .../funding (undated).
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from alphapulse_pipeline.exchange.errors import ExchangeFailure, Kind
from alphapulse_pipeline.exchange.venues import VENUES
from alphapulse_pipeline.exchange.venues.kraken.transfers import STATUS
from alphapulse_pipeline_tests.exchange.accounts import DAY, Account, account, market

SECOND = DAY // 1000
BTC = market("BTC/USD", "XXBTZUSD", altname="XBTUSD", baseId="XXBT", quoteId="ZUSD")
ETH = market("ETH/EUR", "XETHZEUR", altname="ETHEUR", baseId="XETH", quoteId="ZEUR")
NOTHING: dict[str, Any] = {
    "TradesHistory": {"trades": {}, "count": 0},
    "ClosedOrders": {"closed": {}, "count": 0},
    "OpenOrders": {"open": {}},
    "OpenPositions": {},
    "Ledgers": {"ledger": {}, "count": 0},
    "DepositStatus": [],
    "WithdrawStatus": [],
    "BalanceEx": {"error": []},
    "OHLC": {"XXBTZUSD": [], "last": 0},
}
"""What an account without any row gets (the first of them: github.com/rotki/rotki/issues/946)."""
Answer = dict[str, Any] | Callable[[Mapping[str, Any]], dict[str, Any]]


@contextmanager
def kraken(**answers: Answer) -> Iterator[Account]:
    """An account with these results by endpoint; the others have no rows."""

    def answer(path: str, params: Mapping[str, Any]) -> dict[str, Any]:
        found = (NOTHING | answers)[path.rpartition("/")[2]]
        found = found(params) if callable(found) else found
        return found if "error" in found else {"error": [], "result": found}

    with account("kraken", answer, BTC, ETH, secret="c2VjcmV0") as read:
        yield read


def listed(name: str, rows: Mapping[str, Any]) -> Answer:
    """One page of a history, of the type that is asked for."""

    def page(params: Mapping[str, Any]) -> dict[str, Any]:
        kind = params.get("type", "all")
        kinds = ("spend", "receive") if kind == "sale" else (kind,)
        found = {i: row for i, row in rows.items() if kind == "all" or row.get("type") in kinds}
        return {name: found, "count": len(found)}

    return page


def at(seconds: str) -> datetime:
    return datetime.fromtimestamp(SECOND, UTC).replace(microsecond=int(seconds) * 1000)


def entry(**fields: str | float | None) -> dict[str, Any]:
    row = {"refid": "REF", "time": SECOND + 0.25, "type": "trade", "subtype": ""}
    row |= {"aclass": "currency", "asset": "ZUSD", "amount": "0.0000", "fee": "0.0000"}
    return {**row, "balance": "10.0000", "wallet": "spot / main", "new": [1], **fields}


# -- the account ---------------------------------------------------------------------------------


def test_balances_are_in_the_wallet_of_their_book() -> None:
    held = {
        "ZUSD": {"balance": "1200.5000", "hold_trade": "100.2500"},
        "XXBT": {"balance": "0.0000000000", "hold_trade": "0.0000000000"},
        "XBT.F": {"balance": "0.2500000000", "hold_trade": "0"},
        "DOT.S": {"balance": "10.00000000", "hold_trade": "0", "credit": "0", "new": {}},
        "DOT.B": {"balance": "2.50000000", "hold_trade": "0"},
        "EUR.HOLD": {"balance": "40.0000", "hold_trade": "0"},
        "KFEE": {"balance": "7.50", "hold_trade": "0"},
        "XYZ.Q": {"balance": "1.00", "hold_trade": "0"},
    }
    with kraken(BalanceEx=held) as read:
        rows = {
            (row["wallet"], row["asset"]): (row["total"], row["used"])
            for row in read.snapshot("balances")
        }
    assert rows == {
        ("spot", "USD"): (Decimal("1200.5"), Decimal("100.25")),
        ("earn", "BTC"): (Decimal("0.25"), 0),
        ("earn", "DOT"): (Decimal("12.5"), 0),
        ("hold", "EUR"): (Decimal(40), 0),
        ("spot", "KFEE"): (Decimal("7.5"), 0),
        # what a suffix means that nobody has documented, nobody knows
        ("spot", "XYZ.Q"): (Decimal(1), 0),
    }


@pytest.mark.parametrize("dataset", ["balances", "positions"])
def test_a_new_account_holds_nothing(dataset: str) -> None:
    with kraken() as read:
        assert read.snapshot(dataset) == []


@pytest.mark.parametrize("dataset", VENUES["kraken"].histories)
def test_a_new_account_has_no_history(dataset: str) -> None:
    with kraken() as read:
        assert read.rows(dataset) == []


LISTS = ["TradesHistory", "ClosedOrders", "Ledgers"]


@pytest.mark.parametrize("name", LISTS)
def test_an_error_or_a_strange_answer_is_not_an_empty_one(name: str) -> None:
    dataset = dict(zip(LISTS, ["trades", "orders", "ledger"], strict=True))[name]
    for refused, kind in (
        ({"error": ["EService:Timeout"]}, Kind.TRANSIENT),
        ({"error": ["EGeneral:Internal error:17"], "result": {}}, Kind.TRANSIENT),
        ({"error": ["EQuery:Something new"]}, Kind.REFUSED),
        ({"error": None}, Kind.UNREADABLE),
        ({"error": []}, Kind.UNREADABLE),
        ({"error": [], "result": {"count": 0}}, Kind.UNREADABLE),
    ):
        with kraken(**{name: refused}) as read, pytest.raises(ExchangeFailure) as raised:
            read.rows(dataset)
        assert raised.value.kind is kind, refused


# -- fills and orders ----------------------------------------------------------------------------

FILL = {
    "ordertxid": "OQCLML-BW3P3-BUCMWZ",
    "postxid": "TKH2SE-M7IF5-CFI7LT",
    "pair": "XETHZEUR",
    "time": SECOND + 0.125,
    "type": "buy",
    "ordertype": "limit",
    "price": "1500.00",
    "cost": "300.00",
    "fee": "0.78",
    "vol": "0.20000000",
    "margin": "0.00000",
    "leverage": "0",
    "misc": "",
    "ledgers": None,
    "trade_id": 39482674,
    "maker": True,
    "new_field": {"nested": 1.5},
}


def test_fills_on_margin_have_their_profit_and_fees_from_the_ledger() -> None:
    trades = {
        "TCLOSE-AAAAA-AAAAAA": FILL
        | {"type": "sell", "time": SECOND + 3.5, "margin": "60.00", "misc": "closing"}
        | {"price": "1600.00", "cost": "320.00", "fee": "0.83"},
        "TOPEN1-AAAAA-AAAAAA": FILL
        | {"time": SECOND + 0.75, "posstatus": "open", "leverage": "5", "margin": "60.00"},
        "TSPOT1-AAAAA-AAAAAA": FILL | {"ordertype": "some new type"},
    }
    entries = {
        "LCLOSE1": entry(refid="TCLOSE-AAAAA-AAAAAA", type="margin", asset="ZEUR", amount="20.0"),
        "LCLOSE2": entry(refid="TCLOSE-AAAAA-AAAAAA", type="margin", asset="XETH", fee="0.0005"),
        "LROLL": entry(refid="TOPEN1-AAAAA-AAAAAA", type="rollover", asset="XETH", fee="0.0001"),
        "LOPEN": entry(refid="TOPEN1-AAAAA-AAAAAA", type="margin", asset="XETH", fee="0.0004"),
    }
    with kraken(TradesHistory=listed("trades", trades), Ledgers=listed("ledger", entries)) as read:
        fills = {row["trade_id"]: row for row in read.rows("trades")}
        booked = {row["entry_id"]: row for row in read.rows("ledger")}
    read_fields = ("market", "wallet", "realized_pnl", "fee_cost", "fee_currency", "kind")
    assert {i: tuple(row[name] for name in read_fields) for i, row in fills.items()} == {
        "TCLOSE-AAAAA-AAAAAA": (
            *("ETH/EUR:EUR", "spot", Decimal(20)),
            *(Decimal("0.0005"), "ETH", "trade"),
        ),
        "TOPEN1-AAAAA-AAAAAA": (
            *("ETH/EUR:EUR", "spot", Decimal(0)),
            *(Decimal("0.0004"), "ETH", "trade"),
        ),
        "TSPOT1-AAAAA-AAAAAA": ("ETH/EUR", "spot", None, Decimal("0.78"), "EUR", "trade"),
    }
    assert fills["TSPOT1-AAAAA-AAAAAA"]["executed_at"] == at("125")
    assert {i: (row["class"], row["amount"]) for i, row in booked.items()} == {
        "LCLOSE1": ("trade", Decimal(20)),
        "LCLOSE2": ("trade", Decimal("-0.0005")),
        "LROLL": ("interest", Decimal("-0.0001")),
        "LOPEN": ("trade", Decimal("-0.0004")),
    }


def test_a_fill_on_margin_without_entries_has_no_known_profit() -> None:
    trades = {"TCLOSE": FILL | {"misc": "closing"}}
    with kraken(TradesHistory=listed("trades", trades)) as read:
        (fill,) = read.rows("trades")
    assert (fill["market"], fill["realized_pnl"]) == ("ETH/EUR:EUR", None)
    assert (fill["fee_cost"], fill["fee_currency"]) == (Decimal("0.78"), "EUR")


def test_positions_are_added_up_by_pair_and_side() -> None:
    position = {
        "ordertxid": "OLWNFG-LLH4R-D6SFFP",
        "posstatus": "open",
        "pair": "XXBTZUSD",
        "time": SECOND + 0.5,
        "type": "buy",
        "ordertype": "limit",
        "cost": "60000.00000",
        "fee": "120.0",
        "vol": "2.00000000",
        "vol_closed": "0.50000000",
        "margin": "9000.0",
        "value": "48000.0",
        "net": "+3000.0000",
        "terms": "0.0100% per 4 hours",
        "rollovertm": str(SECOND),
        "misc": "",
        "oflags": "",
        "new": None,
    }
    other = position | {"cost": "17500.0", "vol": "0.5", "vol_closed": "0.0", "net": "-1500.0"}
    short = position | {"type": "sell", "pair": "XETHZEUR", "vol": "3", "vol_closed": "0"}
    short |= {"cost": "4500", "net": "-12.5", "value": None}
    found = {"TA": position, "TB": other | {"value": "16000.0"}, "TC": short}
    with kraken(OpenPositions=found) as read:
        rows = {row["market"]: row for row in read.snapshot("positions")}
    long = rows["BTC/USD:USD"]
    assert (long["side"], long["contracts"], long["contract_size"]) == ("long", 2, 1)
    # 1.5 BTC at 30 000 and 0.5 at 35 000
    assert long["entry_price"] == Decimal(31_250)
    assert (long["unrealized_pnl"], long["mark_price"]) == (1500, 32_000)
    assert rows["ETH/EUR:EUR"]["side"] == "short"
    assert rows["ETH/EUR:EUR"]["mark_price"] is None


ORDER = {
    "refid": "None",
    "userref": 0,
    "cl_ord_id": None,
    "status": "canceled",
    "reason": "User requested",
    "opentm": SECOND + 0.125,
    "closetm": SECOND + 9.5,
    "starttm": 0,
    "expiretm": 0,
    "descr": {
        "pair": "XBTUSD",
        "type": "buy",
        "ordertype": "stop-loss-limit",
        "price": "23667.0",
        "price2": "23000.0",
        "leverage": "none",
        "order": "buy 0.00100000 XBTUSD @ stop loss 23667.0 -> limit 23000.0",
        "close": "",
        "aclass": "forex",
    },
    "vol": "0.00100000",
    "vol_exec": "0.00000000",
    "cost": "0.00000",
    "fee": "0.00000",
    "price": "0.00000",
    "stopprice": "0.00000",
    "limitprice": "0.00000",
    "misc": "",
    "oflags": "fciq",
    "trigger": "index",
    "sender_sub_id": None,
    "new": {},
}


def test_orders_with_and_without_ids_of_the_client() -> None:
    on_margin = {"descr": ORDER["descr"] | {"leverage": "5:1"}, "margin": True}  # type: ignore[operator]
    orders = {
        "OA": ORDER,
        "OB": ORDER | {"userref": 17, "closetm": SECOND + 8.5},
        "OC": ORDER | {"cl_ord_id": "mine", "opentm": SECOND + 5.5},
        "OD": ORDER | {"userref": None, "status": "something new", "opentm": SECOND + 2.5},
        "OE": ORDER | on_margin,
    }
    with kraken(ClosedOrders=listed("closed", orders)) as read:
        rows = {row["order_id"]: row for row in read.rows("orders")}
    assert {i: row["client_order_id"] or "" for i, row in rows.items()} == {
        "OA": "",
        "OB": "17",
        "OC": "mine",
        "OD": "",
        "OE": "",
    }
    assert rows["OD"]["status"] == "something new"
    assert rows["OE"]["market"] == "BTC/USD:USD"
    assert rows["OA"]["market"] == "BTC/USD"
    assert rows["OA"]["updated_at"] > rows["OA"]["created_at"] == at("125")


# -- money ---------------------------------------------------------------------------------------

MONEY = {
    "LR": entry(refid="QCAN", type="withdrawal", asset="XETH", amount="2.0", fee="-0.01"),
    "LC": entry(refid="QCAN", type="withdrawal", asset="XETH", amount="-2.0", fee="0.01"),
    "LW": entry(refid="FTQqzsk-V6", type="withdrawal", amount="-50.0", fee="2.5"),
    "LO": entry(refid="QOLD", type="withdrawal", asset="XXBT", amount="-1.5", fee="0"),
    "LD": entry(refid="QDEP", type="deposit", asset="ZEUR", amount="100.0", fee="1.25"),
    "LH": entry(refid="QHOLD", type="deposit", asset="EUR.HOLD", amount="30.0"),
    "LS": entry(refid="BOND", type="transfer", subtype="spottostaking", asset="DOT", amount="-5"),
    "LT": entry(
        refid="BOND2", type="transfer", subtype="stakingfromspot", asset="DOT.S", amount="5"
    ),
    "LA": entry(refid="AIR", type="transfer", asset="BSV", amount="0.25"),
    "LE": entry(refid="EARN", type="earn", subtype="allocation", asset="ETH.B", amount="1"),
    "LI": entry(refid="INC", type="earn", subtype="reward", asset="ETH.B", amount="0.01"),
    "LN": entry(refid="NEW", type="something new", amount="-3"),
}
STATUSES = {
    "deposit": {
        "deposit": [
            # Kraken's own sample has rows without a fee, and without a transaction
            {"method": "SEPA", "asset": "ZEUR", "refid": "QDEP", "amount": "100.0", "time": SECOND}
            | {"txid": "bank-1", "info": "", "status": "Success", "originators": ["x"]},
            {"method": "SEPA", "asset": "ZEUR", "refid": "QWAIT", "amount": "7", "time": SECOND}
            | {"txid": None, "info": None, "status": "Pending", "status-prop": "on-hold"},
        ],
        "next_cursor": None,
    },
    "withdrawal": [
        {"method": "ETH", "network": "Ethereum", "asset": "XETH", "refid": "QCAN", "txid": None}
        | {"amount": "2.0", "fee": "0.01", "time": SECOND, "status": "Failure"}
        | {"status-prop": "canceled"},
        {"method": "Wire", "asset": "ZUSD", "refid": "FTQqzsk-V6", "txid": None, "info": ""}
        | {"amount": "50", "fee": "2.5", "time": SECOND, "status": "Initial"},
    ],
}


def money() -> dict[str, Answer]:
    return {
        "Ledgers": listed("ledger", MONEY),
        "DepositStatus": STATUSES["deposit"],  # type: ignore[dict-item]
        "WithdrawStatus": lambda params: {"error": [], "result": STATUSES["withdrawal"]},
    }


def test_transfers_come_from_the_ledger_and_their_state_from_the_status() -> None:
    with kraken(**money()) as read:
        rows = {row["transfer_id"]: row for row in read.rows("transfers")}
    names = ("kind", "asset", "amount", "fee_cost", "from_wallet", "to_wallet", "status", "txid")
    assert {i: tuple(str(row[n] or "") for n in names) for i, row in rows.items()} == {
        "QCAN": ("withdrawal", "ETH", "2.0", "0.01", "spot", "", "canceled", ""),
        "FTQqzsk-V6": ("withdrawal", "USD", "50.0", "2.5", "spot", "", "pending", ""),
        "QOLD": ("withdrawal", "BTC", "1.5", "", "spot", "", "ok", ""),
        "QDEP": ("deposit", "EUR", "98.75", "1.25", "", "spot", "ok", "bank-1"),
        "QHOLD": ("deposit", "EUR", "30.0000", "", "", "hold", "ok", ""),
        "BOND": ("transfer", "DOT", "5", "", "spot", "earn", "ok", ""),
    }
    assert rows["QCAN"]["network"] == "ERC20"
    assert {row["happened_at"] for row in rows.values()} == {at("250")}


PAIRS = {
    "L1": entry(refid="IN", type="earn", subtype="allocation", asset="XETH", amount="-1.5"),
    "L2": entry(refid="IN", type="earn", subtype="allocation", asset="ETH.B", amount="1.5"),
    "L3": entry(refid="OUT", type="earn", subtype="deallocation", asset="USDT", amount="7"),
    "L4": entry(refid="OUT", type="earn", subtype="deallocation", asset="USDT.F", amount="-7"),
    "L5": entry(refid="AUTO", type="earn", subtype="autoallocate", asset="XXBT", amount="-0.5"),
    "L6": entry(refid="AUTO", type="earn", subtype="autoallocate", asset="XBT.F", amount="0.5"),
    # in the same wallet before and after
    "L7": entry(refid="CODE", type="earn", subtype="migration", asset="DOT.S", amount="-4"),
    "L8": entry(refid="CODE", type="earn", subtype="migration", asset="DOT.B", amount="4"),
    "L9": entry(refid="SAME", type="earn", subtype="allocation", asset="SOL", amount="-4"),
    "LA": entry(refid="SAME", type="earn", subtype="allocation", asset="SOL", amount="4"),
    # not known where to, and no transfer
    "LB": entry(refid="ALONE", type="earn", subtype="allocation", asset="SOL", amount="-4"),
    "LC": entry(refid="INC", type="earn", subtype="reward", asset="ETH.B", amount="0.01"),
}


@pytest.mark.parametrize("shift", range(13))
def test_allocations_are_transfers_wherever_a_page_ends(shift: int) -> None:
    """A page has fifty rows: the two entries of an allocation may be on two of them."""
    filler = {"type": "earn", "subtype": "reward", "asset": "ETH.B", "amount": "0.1"}
    before = {f"F{n}": entry(refid=f"R{n}", **filler) for n in range(38 + shift)}
    entries = list({**before, **PAIRS, "FZ": entry(refid="RZ", **filler)}.items())

    def ledgers(params: Mapping[str, Any]) -> dict[str, Any]:
        wanted = [e for e in entries if params.get("type", "all") in ("all", e[1]["type"])]
        ofs = int(params.get("ofs", 0))
        return {"ledger": dict(wanted[ofs : ofs + 50]), "count": len(wanted)}

    with kraken(Ledgers=ledgers) as read:
        rows = {row["transfer_id"]: row for row in read.rows("transfers")}
    names = ("kind", "asset", "amount", "from_wallet", "to_wallet", "status")
    found = {i: tuple(str(row[name]) for name in names) for i, row in rows.items()}
    assert found == {
        "IN": ("transfer", "ETH", "1.5", "spot", "earn", "ok"),
        "OUT": ("transfer", "USDT", "7", "earn", "spot", "ok"),
        "AUTO": ("transfer", "BTC", "0.5", "spot", "earn", "ok"),
    }


BOUGHT = {
    "L1": entry(refid="BUY", type="receive", asset="XXBT", amount="0.002", fee="0"),
    "L2": entry(refid="BUY", type="spend", asset="ZUSD", amount="-98.5", fee="1.5"),
    "L3": entry(refid="SELL", type="spend", asset="XETH", amount="-1", fee="0"),
    "L4": entry(refid="SELL", type="receive", asset="ZEUR", amount="2000", fee="20"),
    "L5": entry(refid="ALONE", type="receive", asset="SOL", amount="4"),
    "L6": entry(refid="THREE", type="spend", asset="SOL", amount="-4"),
    "L7": entry(refid="THREE", type="receive", asset="ZUSD", amount="400"),
    "L8": entry(refid="THREE", type="receive", asset="ZEUR", amount="1"),
}


def test_what_is_bought_and_sold_in_the_app_is_a_conversion() -> None:
    with kraken(Ledgers=listed("ledger", BOUGHT)) as read:
        rows = {row["conversion_id"]: row for row in read.rows("conversions")}
        classes = {row["class"] for row in read.rows("ledger")}
    names = ("kind", "from_asset", "from_amount", "to_asset", "to_amount", "fee_cost")
    found = {i: tuple(str(row[name]) for name in names) for i, row in rows.items()}
    assert found == {
        "BUY": ("buy", "USD", "98.5", "BTC", "0.002", "1.5"),
        "SELL": ("buy", "ETH", "1", "EUR", "1980", "0"),
    }
    assert (rows["BUY"]["fee_currency"], rows["SELL"]["fee_currency"]) == ("USD", None)
    assert {row["wallet"] for row in rows.values()} == {"spot"}
    assert classes == {"conversion"}


@pytest.mark.parametrize("subtype", ["spottofutures", "spotfromfutures", "autoallocate"])
def test_what_moves_between_own_accounts_is_no_income(subtype: str) -> None:
    moved = {"LF": entry(type="transfer", subtype=subtype, amount="-5")}
    with kraken(Ledgers=listed("ledger", moved)) as read:
        assert [row["class"] for row in read.rows("ledger")] == ["transfer"]
        assert read.rows("transfers") == []


def test_the_ledger_keeps_books_apart_and_every_kind() -> None:
    with kraken(**money()) as read:
        rows = {row["entry_id"]: row for row in read.rows("ledger")}
    found = {i: (row["wallet"], row["asset"], row["kind"], row["class"]) for i, row in rows.items()}
    assert found == {
        "LR": ("spot", "ETH", "withdrawal", "adjustment"),
        "LC": ("spot", "ETH", "withdrawal", "transfer"),
        "LW": ("spot", "USD", "withdrawal", "transfer"),
        "LO": ("spot", "BTC", "withdrawal", "transfer"),
        "LD": ("spot", "EUR", "deposit", "transfer"),
        "LH": ("hold", "EUR", "deposit", "transfer"),
        "LS": ("spot", "DOT", "transfer", "transfer"),
        "LT": ("earn", "DOT", "transfer", "transfer"),
        "LA": ("spot", "BSV", "transfer", "other"),
        "LE": ("earn", "ETH", "earn", "transfer"),
        "LI": ("earn", "ETH", "earn", "reward"),
        "LN": ("spot", "USD", "something new", "other"),
    }
    assert rows["LR"]["amount"] == Decimal("2.01")
    assert rows["LW"]["amount"] == Decimal("-52.5")
    assert rows["LN"]["raw"]["asset"] == "ZUSD"


# -- what the pages say --------------------------------------------------------------------------


def test_every_endpoint_says_where_it_is_documented_and_which_permission_it_needs() -> None:
    venue = VENUES["kraken"]
    feeds = [
        *(source.feed for sources in venue.histories.values() for source in sources.values()),
        *(source.feed for source in (*venue.positions, *venue.open_orders)),
        *(source.feed for source in venue.order_by_id("spot", "", "O")),
        *STATUS.values(),
    ]
    pages = [(feed.method, feed.documented) for feed in feeds]
    for method, page in pages + [("", wallet.documented) for wallet in venue.wallets]:
        assert page is not None
        assert page.page.startswith("docs.kraken.com/api-reference/")
        assert bool(page.permission) is not method.startswith("public")
        assert page.cost
    for name in ("trades", "orders", "ledger"):
        for source in venue.histories[name].values():
            assert source.feed.whole_below == 50
