"""What the tables must hold, by the simulator's own books, and how to sync everything."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.datasets import DATASETS, SNAPSHOTS
from alphapulse_pipeline.exchange.venues import VENUES
from alphapulse_pipeline.settings.accounts import Account
from alphapulse_pipeline.sync.histories import history, whole_history
from alphapulse_pipeline.sync.session import open_session, supported
from alphapulse_pipeline.sync.snapshots import snapshot
from alphapulse_pipeline.warehouse.batches import Written
from alphapulse_pipeline.warehouse.writer import write
from exchange_simulator import EXCHANGES, World

COLUMNS = {
    "balances": ["wallet", "asset", "free", "used", "total", "debt"],
    "positions": [
        "market",
        "side",
        "margin_mode",
        "contracts",
        "contract_size",
        "entry_price",
        "mark_price",
        "unrealized_pnl",
        "leverage",
        "liquidation_price",
    ],
    "trades": [
        "market",
        "trade_id",
        "side",
        "wallet",
        "order_id",
        "executed_at",
        "price",
        "amount",
        "cost",
        "fee_cost",
        "fee_currency",
        "taker_or_maker",
        "kind",
    ],
    "orders": [
        "market",
        "order_id",
        "wallet",
        "client_order_id",
        "status",
        "type",
        "side",
        "price",
        "amount",
        "filled",
        "average",
        "created_at",
        "updated_at",
    ],
    "transfers": [
        "kind",
        "transfer_id",
        "asset",
        "amount",
        "from_wallet",
        "to_wallet",
        "status",
        "fee_cost",
        "fee_currency",
        "happened_at",
    ],
    "funding": ["market", "funding_id", "wallet", "asset", "amount", "happened_at"],
    "conversions": [
        "kind",
        "conversion_id",
        "wallet",
        "from_asset",
        "from_amount",
        "to_asset",
        "to_amount",
        "fee_cost",
        "fee_currency",
        "happened_at",
    ],
    "ledger": [
        "wallet",
        "kind",
        "entry_id",
        "asset",
        "amount",
        "balance_after",
        "reference_id",
        "happened_at",
    ],
    "candles": ["market", "day", "opened_at", "close"],
}
IN_THE_BOOKS = tuple(dataset for dataset in COLUMNS if dataset != "candles")
"""The datasets that the simulator's books have; candles are the simulator's prices."""
_EXPIRES_SOON = timedelta(hours=1, minutes=15)
"""A sync gives up rows one hour before they expire, by a clock that runs while it reads."""
_TIMES = {"executed_at", "created_at", "updated_at", "happened_at"}
_WORDS = {
    "wallet",
    "asset",
    "market",
    "side",
    "margin_mode",
    "trade_id",
    "order_id",
    "fee_currency",
    "taker_or_maker",
    "kind",
    "client_order_id",
    "status",
    "type",
    "transfer_id",
    "from_wallet",
    "to_wallet",
    "funding_id",
    "conversion_id",
    "from_asset",
    "to_asset",
    "entry_id",
    "reference_id",
}


def sync_all(account: Account, url: str) -> dict[str, Written]:
    """Everything of the account, as `alphapulse sync` does it, without Dagster."""
    with open_session(account, url, "test") as session:
        return {
            dataset: write(
                session.connection,
                snapshot(session, dataset)
                if dataset in SNAPSHOTS
                else history(session, dataset, whole_history(session), fill=True),
                "test",
            )
            for dataset in supported(account)
        }


def stored(db: Connection[TupleRow], dataset: str, account: str) -> set[tuple[Any, ...]]:
    """The rows of a table, of a snapshot the newest; what is blank is None."""
    columns = COLUMNS[dataset]
    table = f"{dataset}_latest" if dataset in SNAPSHOTS else dataset
    rows = db.execute(
        f"SELECT {', '.join(columns)} FROM alphapulse.{table} WHERE account = %s".encode(),
        [account],
    ).fetchall()
    found = {
        tuple(_plain(name, value) for name, value in zip(columns, row, strict=True)) for row in rows
    }
    assert len(found) == len(rows)
    return found


def unreachable(
    db: Connection[TupleRow], dataset: str, account: str, rows: set[tuple[Any, ...]]
) -> set[tuple[Any, ...]]:
    """Those of `rows` whose time is marked as one that the exchange no longer serves."""
    place = COLUMNS[dataset].index(DATASETS[dataset].time)
    found = db.execute(
        "SELECT range_agg(r) FROM alphapulse.coverage, unnest(unreachable) AS r"
        " WHERE account = %s AND dataset = %s",
        [account, dataset],
    ).fetchone()
    ranges = found[0] if found and found[0] else []
    return {row for row in rows if any(row[place] in times for times in ranges)}


def kept(exchange: str, dataset: str, stream: str) -> timedelta | None:
    """How long the exchange documents to serve the rows of a stream; None: forever."""
    sources = VENUES[exchange].histories[dataset]
    # streams of one market are named after their source and the market
    name = next((name for name in sources if name == stream), None) or next(
        name for name in sources if stream.startswith(f"{name} ")
    )
    source = sources[name]
    if name.endswith(" before the upgrade") and name.startswith(("option", "USDC")):
        return retention(exchange, dataset, "before the upgrade")
    if stream.endswith(" unfilled"):
        return retention(exchange, "unfilled", source.wallet)
    if name == "portfolio margin":  # its cross margin, which is listed as it is without it
        return retention(exchange, dataset, "margin")
    if f"{dataset}:{name}" in EXCHANGES[exchange].retention:
        return retention(exchange, dataset, name)
    place = {"transfers": source.kind, "conversions": stream}.get(dataset, source.wallet)
    return retention(exchange, dataset, place)


def retention(exchange: str, dataset: str, place: str) -> timedelta | None:
    """How long the exchange documents to serve a dataset of a wallet (of transfers: a kind), taken
    from the simulator, so that a venue that is wrong about it is found out; None: forever."""
    found = EXCHANGES[exchange].retention_for(dataset, place)
    return None if found is None else timedelta(milliseconds=found)


def still_served(
    exchange: str, dataset: str, rows: set[tuple[Any, ...]], now: datetime
) -> set[tuple[Any, ...]]:
    """Those of `rows` that the exchange serves at `now` and for a while longer."""
    columns = COLUMNS[dataset]
    place = columns.index("kind" if dataset == "transfers" else "wallet")
    time = columns.index(DATASETS[dataset].time)
    return {
        row
        for row in rows
        if (kept := retention(exchange, dataset, row[place])) is None
        or row[time] >= now - kept + _EXPIRES_SOON
    }


def wrongly_unreachable(
    db: Connection[TupleRow], account: str, exchange: str, now: datetime
) -> list[tuple[str, str]]:
    """(dataset, stream) whose unreachable ranges reach into what the exchange serves at `now`.

    Without candles, which exchanges serve of listed markets only.
    """
    found = db.execute(
        "SELECT dataset, stream, upper(unreachable) FROM alphapulse.coverage"
        " WHERE account = %s AND NOT isempty(unreachable) AND dataset = ANY(%s)",
        [account, [*IN_THE_BOOKS]],
    ).fetchall()
    return [
        (dataset, stream)
        for dataset, stream, end in found
        if (served := kept(exchange, dataset, stream)) is None
        or end > now - served + min(_EXPIRES_SOON, served / 3)
    ]


def true(truth: dict[str, Any], dataset: str) -> set[tuple[Any, ...]]:
    """The rows that the table should have."""
    rows = truth.get(dataset, [])
    if dataset == "balances":
        rows = [b for b in rows if any(Decimal(b[name]) for name in ("total", "used", "debt"))]
    if dataset == "orders" and truth.get("exchange") == "kraken":
        # an order that is partly filled does not tell when
        rows = [
            row | {"updated_at": row["created_at"]} if row["status"] == "open" else row
            for row in rows
        ]
    if dataset == "positions" and truth.get("exchange") == "kraken":
        rows = [row | {"leverage": None, "liquidation_price": None} for row in rows]
    if dataset == "ledger":
        rows = [row | {"kind": row["raw_kind"]} for row in rows]
    return {tuple(_true(name, row[name]) for name in COLUMNS[dataset]) for row in rows}


def true_candles(
    world: World, markets: Iterable[str], first: date, now: datetime
) -> set[tuple[Any, ...]]:
    """The rows of these markets: the days since `first` that are over."""
    rows = set()
    for name in markets:
        market = world.catalogue.by_name[name]
        for number in range((now.date() - first).days):
            day = first + timedelta(days=number)
            opened_at = datetime.combine(day, time(), UTC)
            opened = int(opened_at.timestamp()) * 1000
            if market.listed(opened):
                close = world.prices.last(market, opened + 86_400_000 - 1)
                rows.add((name, str(day), opened_at, close))
    return rows


def _true(name: str, value: Any) -> Any:
    if value is not None and name in _TIMES:
        value = datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=value)
    elif value is not None and name not in _WORDS:
        value = Decimal(value)
    return _plain(name, value)


def _plain(name: str, value: Any) -> Any:
    if name == "fee_cost" and not value:
        return None  # nothing was taken, reported or not
    if name in ("cost", "average", "entry_price") and value is not None:
        # some exchanges do not tell it: it is a quotient then
        return round(value, 8)
    return value if value != "" else None
