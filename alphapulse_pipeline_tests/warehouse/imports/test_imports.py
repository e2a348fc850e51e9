"""Files into histories: exact, once, all or nothing, and never over what the exchange gave."""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import Connection
from psycopg.rows import TupleRow, dict_row

from alphapulse_pipeline.datasets import HISTORIES
from alphapulse_pipeline.settings.errors import SettingsError
from alphapulse_pipeline.warehouse import deployed, stored_markets
from alphapulse_pipeline.warehouse.batches import Batch, Batches, Proof, TimeRange
from alphapulse_pipeline.warehouse.history_state import Gap, HistoryState
from alphapulse_pipeline.warehouse.imports import store
from alphapulse_pipeline.warehouse.imports.csv_file import BadFile, open_csv
from alphapulse_pipeline.warehouse.imports.store import Imported, import_file
from alphapulse_pipeline.warehouse.writer import write
from alphapulse_pipeline_tests.warehouse.rows import T0, at, trade

DB = Connection[TupleRow]
DAY = TimeRange(at(0), at(86400))
HEADER = "market,trade_id,side,wallet,executed_at,price,amount,cost,kind"
ONE = "BTC/USDT,1,buy,spot,2026-09-01T00:01:00Z,60000.10,0.5,30000.05,trade"
TWO = "BTC/USDT,2,sell,spot,2026-09-01T00:02:00Z,60000.10,0.5,30000.05,trade"

Import = Callable[..., Imported]


@pytest.fixture
def bring(db: DB, tmp_path: Path) -> Import:
    """Imports lines as a file; the account knows three markets."""
    deployed.register(db, "main", "binance", [(d, True, None) for d in HISTORIES])
    markets = [
        ("BTC/USDT", "BTCUSDT", "spot", "BTC", "USDT", None),
        ("BTC/USDT:USDT", "BTCUSDT", "swap", "BTC", "USDT", "USDT"),
        ("1INCH/BTC", "1INCHBTC", "spot", "1INCH", "BTC", None),
        ("ETH/USD", "XETHZUSD", "spot", "ETH", "USD", None),
    ]
    stored_markets.store_markets(
        db,
        "main",
        [
            {
                **dict(
                    zip(("market", "raw_id", "type", "base", "quote", "settle"), m, strict=True)
                ),
                **{"contract_size": None, "active": True, "seen_at": T0},
            }
            for m in markets
        ],
    )

    def run(*lines: str, dataset: str = "trades", encoding: str = "utf-8", **more: Any) -> Imported:
        path = tmp_path / "file.csv"
        path.write_bytes("\n".join(lines).encode(encoding))
        return import_file(db, "main", HISTORIES[dataset], path, **more)

    return run


def stored(db: DB, dataset: str = "trades") -> list[dict[str, Any]]:
    query = f"SELECT * FROM alphapulse.{dataset} ORDER BY {HISTORIES[dataset].time}, 2, 3"
    return db.cursor(row_factory=dict_row).execute(query.encode()).fetchall()


def counts(found: Imported) -> tuple[int, ...]:
    return found.read, found.new, found.changed, found.already_there, found.left_out


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("quoted", [True, False])
@pytest.mark.parametrize("delimiter", [",", ";"])
def test_a_table_in_its_own_columns(
    db: DB, bring: Import, delimiter: str, quoted: bool, encoding: str
) -> None:
    lines = [
        delimiter.join(f'"{cell}"' if quoted else cell for cell in line.split(","))
        for line in (HEADER, ONE, TWO)
    ]
    assert counts(bring(*lines, "", encoding=encoding)) == (2, 2, 0, 0, 0)
    first, second = stored(db)
    expected = trade(1, wallet="spot", taker_or_maker=None)
    ours = {"account": "main", "origin": "import", "run_id": "import"}
    raw = dict(zip(HEADER.split(","), ONE.split(","), strict=True))
    del first["recorded_at"]
    assert first == expected | ours | {"raw": raw}
    assert str(first["price"]) == "60000.10"
    assert (second["trade_id"], second["side"]) == ("2", "sell")
    attempt = db.execute("SELECT run_id, status, rows_written FROM alphapulse.sync_log").fetchall()
    assert attempt == [("import", "completed", 2)]
    query = "SELECT status, rows FROM alphapulse.sync_status WHERE dataset = 'trades'"
    assert db.execute(query).fetchall() == [("completed", 2)]


def test_what_was_queried_can_be_brought_in(db: DB, bring: Import) -> None:
    """All columns of the table, those that are filled by us included."""
    header = f"account,{HEADER},order_id,fee_cost,raw,origin,run_id,recorded_at"
    line = f"main,{ONE},,-0.10,{{}},api,r,2026-09-01"
    assert bring(header, line).new == 1
    (row,) = stored(db)
    assert (row["order_id"], row["fee_cost"], row["origin"]) == (None, Decimal("-0.10"), "import")
    with pytest.raises(BadFile, match=r"file.csv:2:1: account: 'other' is a different account"):
        bring(header, line.replace("main", "other", 1))


def test_the_same_file_again_is_no_news(db: DB, bring: Import) -> None:
    bring(HEADER, ONE, TWO)
    before = stored(db)
    assert counts(bring(HEADER, ONE, TWO, ONE)) == (3, 0, 0, 3, 0)
    assert stored(db) == before
    corrected = ONE.replace("0.5,", "0.6,")
    assert counts(bring(HEADER, corrected)) == (1, 0, 1, 0, 0)
    assert stored(db)[0]["amount"] == Decimal("0.6")


def test_what_the_exchange_gave_stays(db: DB, bring: Import) -> None:
    write(db, Batches("main", "trades", [Batch([trade(1, amount=Decimal(7))])]), "run")
    before = stored(db)
    assert counts(bring(HEADER, ONE)) == (1, 0, 0, 1, 0)
    assert stored(db) == before
    # and what it gives later replaces what was imported
    bring(HEADER, TWO)
    given = trade(2, side="sell", executed_at=at(120))
    write(db, Batches("main", "trades", [Batch([given])]), "run")
    assert [(row["origin"], row["raw"]) for row in stored(db)][1] == ("api", {"id": "2"})


NO_IDS = HEADER.replace("trade_id,", "")
NO_ID = ONE.replace("BTC/USDT,1,", "BTC/USDT,")
OTHER = NO_ID.replace("00:01:00", "00:03:00")


def test_rows_without_ids_are_told_apart_by_their_content(db: DB, bring: Import) -> None:
    assert counts(bring(NO_IDS, NO_ID, NO_ID, OTHER)) == (3, 3, 0, 0, 0)
    before = stored(db)
    assert len({row["trade_id"] for row in before}) == 3
    # another file with the same rows in another order, one of them more often, written otherwise
    zeros = NO_ID.replace("60000.10", "60000.1").replace("Z", "+00:00")
    # (two change in `raw`, which keeps what the file says)
    assert counts(bring(NO_IDS, OTHER, zeros, zeros, zeros)) == (4, 1, 2, 1, 0)
    assert len(stored(db)) == 4
    assert {r["trade_id"] for r in before} < {r["trade_id"] for r in stored(db)}


def test_rows_without_ids_are_not_stored_beside_the_exchanges_own(db: DB, bring: Import) -> None:
    """An export has whole seconds; two of its three equal rows were read before."""
    own = [trade(f"x{n}", executed_at=at(60.25 * n)) for n in (1,)]
    own += [trade("x2", executed_at=at(60.75)), trade("x3", executed_at=at(61))]
    write(db, Batches("main", "trades", [Batch(own)]), "run")
    other_price = NO_ID.replace("60000.10", "60000.2")
    assert counts(bring(NO_IDS, NO_ID, other_price, NO_ID, NO_ID)) == (4, 2, 0, 2, 0)
    assert [row["origin"] for row in stored(db)].count("api") == 3
    assert counts(bring(NO_IDS, NO_ID, NO_ID, NO_ID, other_price)) == (4, 0, 0, 4, 0)
    assert len(stored(db)) == 5


amounts = st.decimals(0, 9, places=2, allow_nan=False)


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=25
)
@given(
    content=st.lists(st.tuples(st.integers(0, 3), amounts), min_size=1, max_size=12),
    cut=st.tuples(st.integers(0, 12), st.integers(0, 12)),
    at_once=st.integers(1, 5),
)
def test_files_that_overlap_hold_each_row_once(
    db: DB, bring: Import, content: list[tuple[int, Decimal]], cut: tuple[int, int], at_once: int
) -> None:
    """Cut at whole seconds, as exports are: no second is split between two files."""
    db.execute("DELETE FROM alphapulse.trades")
    rows = sorted(content)
    lines = [(s, f"BTC/USDT,buy,spot,{at(s).isoformat()},1,{a},1,trade") for s, a in rows]
    early = [line for second, line in lines if second <= max(cut) % 4]
    late = [line for second, line in lines if second >= min(cut) % 4]
    saved, store._BATCH_ROWS = store._BATCH_ROWS, at_once
    try:
        for file in (early, late, [line for _, line in lines]):
            bring(NO_IDS, *file)
    finally:
        store._BATCH_ROWS = saved
    found = [((row["executed_at"] - T0).seconds, row["amount"]) for row in stored(db)]
    assert sorted(found) == rows


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ([HEADER, ONE.replace("30000.05", "30,000.05")], ":2:10: the row has 10 cells, the header"),
        (
            [HEADER, ONE, ONE.replace("30000.05", '"30,000.05"')],
            ":3:8: cost: '30,000.05' is ambiguous; write numbers with a decimal point",
        ),
        ([HEADER, ONE.replace("0.5,", "1 000,")], ":2:7: amount: '1 000' is ambiguous"),
        ([HEADER, ONE.replace("0.5,", "abc,")], ":2:7: amount: 'abc' is not a number"),
        ([HEADER, ONE.replace("0.5,", "NaN,")], ":2:7: amount: 'NaN' is not a number"),
        (
            [HEADER, ONE.replace("0.5,", ",")],
            ":2:7: amount: the cell is empty; amount must have a value",
        ),
        ([HEADER, ONE.replace("T00:01:00Z", "T25:01:00Z")], ":2:5: executed_at: '2026-09-01T25:01"),
        (
            [HEADER, TWO, ONE.replace("2026-09-01T00:01:00Z", "0001-01-01T00:00:00+14:00")],
            ":3:5: executed_at: '0001-01-01T00:00:00+14:00' is before 2009, when there was no ex",
        ),
        ([HEADER, ONE.replace("2026", "2062")], ":2:5: executed_at: '2062-09-01T00:01:00Z' is in"),
        ([HEADER, ONE.replace("0.5,", "5e30,")], ":2:7: amount: '5e30' has more than 30 digits be"),
        ([HEADER, ONE.replace("2026-09-01T00:01:00Z", "1788220860")], ":2:5: executed_at: "),
        (
            [HEADER, ONE.replace("buy", "bought")],
            ":2:3: side: 'bought' is not allowed here; use one of buy, sell",
        ),
        ([HEADER, ONE.replace("BTC/USDT", "BTCUSDT")], ":2:1: market: 'BTCUSDT' is the id of sev"),
        ([HEADER, ONE.replace("BTC/USDT", "LTC")], ":2:1: market: unknown market 'LTC'; "),
        ([HEADER, ONE.replace(",1,", ",,", 1)], ":2:2: trade_id: the cell is empty"),
        (
            [HEADER, ONE, TWO, ONE.replace("0.5,", "0.6,")],
            ":4:1: the row differs from line 2 but has the same market, trade_id, side",
        ),
        (
            [HEADER.replace("price", "prise"), ONE],
            ":1:6: prise: trades has no such column; rename it",
        ),
        (["market,side", "x,y"], ":1:1: trades needs the columns wallet, executed_at, price, amou"),
        (["market,side,market", "x,y"], ":1:1: duplicate column 'market'"),
        ([HEADER, '"BTC/USDT",1', '"BTC'], ":2:3: the row has 2 cells, the header has 9"),
        ([HEADER, ONE, '"BTC'], ":3:1: invalid CSV: unexpected end of data"),
        (['"market\n"a', ONE], ":2:1: invalid CSV: ',' expected after '\"'"),
        ([HEADER, f'"BTC\n/USDT"{ONE[8:]}', TWO], ":2:1: market: unknown market 'BTC\\n/USDT'"),
        ([""], ":1:1: the file has no header"),
    ],
)
def test_a_bad_file_is_one_sentence_and_stores_nothing(
    db: DB, bring: Import, lines: list[str], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "_BATCH_ROWS", 1)  # what comes before the fault is written already
    HistoryState(db, "main", "trades").want([("spot", "test")], DAY)
    with pytest.raises(BadFile) as caught:
        bring(*lines, asserted=DAY)
    said = str(caught.value)
    assert "\n" not in said
    assert f"file.csv{words}" in said
    assert stored(db) == []
    assert db.execute("SELECT FROM alphapulse.sync_log").fetchall() == []
    assert HistoryState(db, "main", "trades").gaps(DAY) == [Gap("spot", DAY)]
    assert db.execute("SELECT sum(stored) FROM alphapulse.datasets").fetchone() == (0,)


def test_what_is_no_text_or_not_there_is_one_sentence(bring: Import, tmp_path: Path) -> None:
    with pytest.raises(BadFile, match=r"file.csv:1:1: the file is not UTF-8"):
        bring(HEADER, ONE.replace("spot", "é"), encoding="latin-1")
    with (
        pytest.raises(BadFile, match=r"/none.csv: No such file"),
        open_csv(tmp_path / "none.csv"),
    ):
        pass


def reach(db: DB, *, covered: TimeRange, lost: TimeRange) -> None:
    """Two streams, of which a part is covered and another out of reach."""
    HistoryState(db, "main", "trades").want([("linear", "test"), ("spot", "test")], DAY)
    for stream in ("linear", "spot"):
        with db.transaction():
            HistoryState(db, "main", "trades").prove(Proof(stream, covered))
        HistoryState(db, "main", "trades").mark_unreachable(stream, lost, "too old")


def times(db: DB, column: str, stream: str = "spot") -> list[tuple[datetime, datetime]]:
    query = (
        f"SELECT lower(t), upper(t) FROM alphapulse.coverage, unnest({column}) AS t"
        " WHERE stream = %s"
    )
    return db.execute(query.encode(), [stream]).fetchall()


def test_an_asserted_range_is_covered_where_it_was_missing(db: DB, bring: Import) -> None:
    reach(db, covered=TimeRange(at(600), at(900)), lost=TimeRange(at(0), at(600)))
    asserted = TimeRange(at(-500), at(1000))
    found = bring(HEADER, ONE, asserted=asserted, streams=["spot"])
    pieces = [TimeRange(at(0), at(600)), TimeRange(at(900), at(1000))]
    assert found.covered == [Gap("spot", piece) for piece in pieces]
    share = Decimal(300) / 86400
    assert found.coverage_before == round(share - Decimal("0.00005"), 4)
    assert found.coverage_after == Decimal("0.0075")  # (300 + 1000) / 2 of a day, rounded down
    assert times(db, "covered") == [(at(0), at(1000))]
    assert times(db, "imported") == [(p.start, p.end) for p in pieces]
    assert times(db, "unreachable") == []
    assert times(db, "covered", "linear") == [(at(600), at(900))]
    assert times(db, "unreachable", "linear") == [(at(0), at(600))]
    # again: nothing was missing; the other stream as well
    found = bring(HEADER, ONE, asserted=asserted)
    assert found.covered == [Gap("linear", piece) for piece in pieces]
    assert bring(HEADER, ONE, asserted=asserted).covered == []
    # what the exchange proves later no longer rests on the file
    with db.transaction():
        proved = Proof("spot", TimeRange(at(100), at(950)))
        HistoryState(db, "main", "trades").prove(proved)
    assert times(db, "imported") == [(at(0), at(100)), (at(950), at(1000))]


def test_rows_alone_cover_nothing(db: DB, bring: Import) -> None:
    HistoryState(db, "main", "trades").want([("spot", "test")], DAY)
    found = bring(HEADER, ONE)
    assert (found.coverage_before, found.coverage_after) == (Decimal(0), Decimal(0))
    assert found.covered == []
    assert HistoryState(db, "main", "trades").gaps(DAY) == [Gap("spot", DAY)]


def test_nothing_is_asserted_of_what_is_not_known(db: DB, bring: Import) -> None:
    with pytest.raises(SettingsError, match="main/trades was never synced"):
        bring(HEADER, ONE, asserted=DAY)
    assert stored(db) == []
    reach(db, covered=DAY, lost=DAY)
    with pytest.raises(SettingsError, match="no stream option; choose from linear, spot"):
        bring(HEADER, ONE, asserted=DAY, streams=["spot", "option"])
    assert stored(db) == []


KRAKEN_TRADES = (
    '"txid","ordertxid","pair","time","type","ordertype","price","cost","fee","vol","margin",'
    '"misc","ledgers"'
)


def test_krakens_trades(db: DB, bring: Import) -> None:
    lines = [
        f'"T{n}-A","O1-B","{pair}","2020-01-02 03:04:05.6789","sell","limit","130.5","261.0",'
        '"0.41760","2.00000000","0.0","",""'
        for n, pair in enumerate(("XETHZUSD", "XETH/ZUSD", "ETH/USD"))
    ]
    assert bring(KRAKEN_TRADES, *lines, preset="kraken").new == 3
    for number, row in enumerate(stored(db)):
        assert {k: v for k, v in row.items() if k not in ("raw", "recorded_at")} == {
            "account": "main", "market": "ETH/USD", "trade_id": f"T{number}-A", "side": "sell",
            "wallet": "spot", "order_id": "O1-B", "price": Decimal("130.5"),
            "executed_at": datetime(2020, 1, 2, 3, 4, 5, 678900, tzinfo=UTC),
            "amount": Decimal(2), "cost": Decimal(261), "fee_cost": Decimal("0.4176"),
            "fee_currency": "USD", "taker_or_maker": None, "kind": "trade", "origin": "import",
            "run_id": "import", "realized_pnl": None,
        }  # fmt: skip
        assert row["raw"]["ordertype"] == "limit"


def test_krakens_ledgers(db: DB, bring: Import) -> None:
    found = bring(
        '"txid","refid","time","type","subtype","aclass","asset","amount","fee","balance"',
        '"","R1","2020-01-01 00:00:00","withdrawal","","currency","XXBT","-1.0000","0.0005",""',
        '"L1","R1","2020-01-01 00:01:00","withdrawal","","currency","XXBT",-1.0000,0.0005,2.9995',
        '"L2","R2","2020-01-01 00:02:00","trade","","currency","ZEUR",5.10,0.01,8.0',
        '"L3","R3","2020-01-01 00:03:00","staking","","currency","ETH2.S",0.1,0,0.1',
        dataset="ledger",
        preset="kraken",
    )
    assert counts(found) == (4, 3, 0, 0, 1)
    columns = ("wallet", "kind", "entry_id", "asset", "amount", "balance_after", "reference_id")
    rows = [tuple(row[column] for column in columns) for row in stored(db, "ledger")]
    number = Decimal
    assert rows == [
        ("spot", "withdrawal", "L1", "BTC", number("-1.0005"), number("2.9995"), "R1"),
        ("spot", "trade", "L2", "EUR", number("5.09"), number("8.0"), "R2"),
        ("spot", "staking", "L3", "ETH2.S", number("0.1"), number("0.1"), "R3"),
    ]


BINANCE = "Date(UTC),Pair,Side,Price,Executed,Amount,Fee"


def test_binances_trades(db: DB, bring: Import) -> None:
    bring(
        BINANCE,
        "2021-02-03 04:05:06,BTCUSDT,BUY,30000.10,0.0100000000BTC,300.001USDT,0.00001BTC",
        "2021-02-03 04:05:07,1INCHBTC,SELL,0.00005,1001INCH,0.005BTC,0.00012BNB",
        "2021-02-03 04:05:08,BTCUSDT,SELL,1,1BTC,1USDT,0.5FDUSD",
        preset="binance",
    )
    columns = ("market", "side", "price", "amount", "cost", "fee_cost", "fee_currency", "wallet")
    rows = [tuple(str(row[column]) for column in columns) for row in stored(db)]
    first = ("BTC/USDT", "buy", "30000.10", "0.0100000000", "300.001", "0.00001", "BTC", "spot")
    assert rows == [
        first,
        ("1INCH/BTC", "sell", "0.00005", "100", "0.005", "0.00012", "BNB", "spot"),
        ("BTC/USDT", "sell", "1", "1", "1", "0.5", "FDUSD", "spot"),
    ]
    assert stored(db)[0]["executed_at"] == datetime(2021, 2, 3, 4, 5, 6, tzinfo=UTC)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("2021-02-03 04:05:06,BTCUSDT,BUY,1,1ETH,1USDT,0BNB", ":2:5: Executed: '1ETH' is not in B"),
        ('2021-02-03 04:05:06,BTCUSDT,BUY,1,1BTC,"1,000USDT",0BNB', ":2:6: Amount: '1,000' is am"),
        ("2021-02-03 04:05:06,BTCUSDT,BUY,1,1BTC,1USDT,7", ":2:7: Fee: '7' is not an amount with"),
    ],
)
def test_what_an_export_must_not_say(bring: Import, line: str, words: str) -> None:
    with pytest.raises(BadFile) as caught:
        bring(BINANCE, line, preset="binance")
    assert words in str(caught.value)


def test_another_export_is_refused(bring: Import) -> None:
    with pytest.raises(BadFile, match=r"file.csv:1:1: the columns Pair, Date\(UTC\), Side"):
        bring(KRAKEN_TRADES, preset="binance")
