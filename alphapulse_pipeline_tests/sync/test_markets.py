"""Names of markets, and how rarely they are loaded from the exchange."""

from collections.abc import Callable

from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.settings.accounts import Account
from alphapulse_pipeline.sync.session import Session, open_session
from alphapulse_pipeline.sync.snapshots import snapshot
from alphapulse_pipeline.warehouse.writer import write
from exchange_simulator import Simulator

Make = Callable[..., Account]
LISTING = "/v5/market/instruments-info"


def listings(simulator: Simulator) -> int:
    """The number of requests for markets since the last call."""
    found = sum(request.path == LISTING for request in simulator.requests)
    simulator.requests.clear()
    return found


def balances_and_prices(session: Session) -> list[tuple[object, ...]]:
    for dataset in ("balances", "positions", "prices"):
        write(session.connection, snapshot(session, dataset), "test")
    return session.connection.execute(
        "SELECT 'p', market, last FROM alphapulse.prices_latest"
        " UNION ALL SELECT 'b', wallet || asset, total FROM alphapulse.balances_latest"
        " ORDER BY 1, 2"
    ).fetchall()


def test_the_catalogue_is_restored_without_a_request_and_means_the_same(
    simulator: Simulator, make_account: Make, database: str, db: Connection[TupleRow]
) -> None:
    account = make_account(simulator.url)
    with open_session(account, database, "first") as session:
        loaded = balances_and_prices(session)
    assert listings(simulator) > 0
    with open_session(account, database, "second") as session:
        restored = balances_and_prices(session)
    assert listings(simulator) == 0
    assert restored == loaded
    db.execute("UPDATE alphapulse.market_catalogues SET loaded_at = now() - interval '25 hours'")
    with open_session(account, database, "third") as session:
        assert session.markets.resolve("BTCUSDT", "linear")[0] == "BTC/USDT:USDT"
    assert listings(simulator) > 0


def test_an_unknown_market_is_requested_once_and_keeps_its_name(
    simulator: Simulator, make_account: Make, database: str, db: Connection[TupleRow]
) -> None:
    account = make_account(simulator.url)
    with open_session(account, database, "first") as session:
        assert session.markets.resolve("BTCUSDT", "spot")[0] == "BTC/USDT"
        listings(simulator)
        assert session.markets.resolve("GONEUSDT", "linear")[0] == "GONE/USDT:USDT"
        asked = listings(simulator)
        assert asked > 0
        assert session.markets.resolve("GONEUSDT", "spot")[0] == "GONE/USDT"
        assert session.markets.resolve("LOSTPERP", "linear")[0] == "LOST/USDC:USDC"
        assert listings(simulator) == 0  # once a run is enough
        session.store_unlisted()
    rows = db.execute(
        "SELECT raw_id, type, market, active FROM alphapulse.markets"
        " WHERE base IN ('GONE', 'LOST') ORDER BY market"
    ).fetchall()
    assert rows == [
        ("GONEUSDT", "spot", "GONE/USDT", False),
        ("GONEUSDT", "swap", "GONE/USDT:USDT", False),
        ("LOSTPERP", "swap", "LOST/USDC:USDC", False),
    ]
    with open_session(account, database, "second") as session:
        assert session.markets.resolve("GONEUSDT", "linear")[0] == "GONE/USDT:USDT"
    assert listings(simulator) == 0  # known by now


def test_an_assigned_name_stays_when_ccxt_changes_it(
    simulator: Simulator, make_account: Make, database: str, db: Connection[TupleRow]
) -> None:
    account = make_account(simulator.url)
    with open_session(account, database, "first") as session:
        session.markets.resolve("BTCUSDT", "linear")
    db.execute(
        "UPDATE alphapulse.markets SET market = 'XBT/USDT:USDT' WHERE market = 'BTC/USDT:USDT'"
    )
    with open_session(account, database, "second") as session:
        name, market = session.markets.resolve("BTCUSDT", "linear")
        assert (name, market["symbol"]) == ("XBT/USDT:USDT", "BTC/USDT:USDT")
        session.held = {"assets": set(), "markets": {"XBT/USDT:USDT"}}
        write(session.connection, snapshot(session, "prices"), "test")
        # also after the exchange was asked again
        session.markets.resolve("GONEUSDT", "linear")
    assert db.execute("SELECT market FROM alphapulse.prices_latest").fetchall() == [
        ("XBT/USDT:USDT",)
    ]
    named = db.execute(
        "SELECT market FROM alphapulse.markets WHERE raw_id = 'BTCUSDT' AND type = 'swap'"
    ).fetchall()
    assert named == [("XBT/USDT:USDT",)]
