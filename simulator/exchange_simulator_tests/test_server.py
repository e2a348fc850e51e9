"""The server: truth, callers, requests, and how it starts and stops."""

import json
import subprocess
import sys
import time
from collections import defaultdict
from decimal import Decimal
from urllib.request import urlopen

import pytest

from exchange_simulator import EXCHANGES, Simulator, World, serve
from exchange_simulator.layout import LAYOUTS
from exchange_simulator.markets import DAY
from exchange_simulator.money import plain
from exchange_simulator.simulated_exchange import DATASETS
from exchange_simulator.state import ExchangeState, ServerState
from exchange_simulator_tests.client import get, signed
from exchange_simulator_tests.conftest import NOW


def test_the_truth_can_be_read_at_any_time(frozen: Simulator) -> None:
    later = frozen.world.genesis + 20 * DAY
    frozen.set_clock(lambda: later)
    now = json.loads(get(frozen, "/__truth").body)
    earlier = json.loads(get(frozen, f"/__truth?at={later - DAY}").body)
    assert (now["at"], earlier["at"]) == (later, later - DAY)
    assert len(earlier["trades"]) < len(now["trades"])
    assert now == frozen.truth()
    expired = json.loads(get(frozen, "/__truth?expired=1").body)["orders"]
    assert len(expired) > len(now["orders"])
    assert not any(order["expired"] for order in now["orders"])


def test_each_exchange_has_its_own_truth(frozen: Simulator) -> None:
    day = frozen.world.genesis + 5 * DAY
    for exchange, simulated in EXCHANGES.items():
        reported = json.loads(get(frozen, f"/__truth?exchange={exchange}&at={day}").body)
        assert reported == frozen.truth(day, exchange=exchange)
        assert set(reported) == {"at", "seed", "genesis"} | (DATASETS - simulated.unserved)
        wallets = {trade["wallet"] for trade in reported["trades"]}
        assert wallets <= set(LAYOUTS[exchange].wallets)
        assert wallets
    unknown = get(frozen, "/__truth?exchange=mtgox")
    assert unknown.status == 404
    assert unknown.json["error"].startswith("unknown exchange 'mtgox'; one of bybit")


@pytest.mark.parametrize("exchange", sorted(EXCHANGES))
def test_the_rows_of_a_ledger_add_up_to_the_balance(frozen: Simulator, exchange: str) -> None:
    """Including entries that are split into several rows."""
    simulated, reported = (
        EXCHANGES[exchange],
        frozen.truth(frozen.world.genesis + 40 * DAY, exchange=exchange),
    )
    sums: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for row in reported["ledger"]:
        account = row["wallet"], row["asset"]
        sums[account] += Decimal(row["amount"])
        assert row["balance_after"] in (None, plain(sums[account]))
        assert (row["balance_after"] is None) != simulated.serves("balance_after", row["wallet"])
    assert sums == {
        (balance["wallet"], balance["asset"]): Decimal(balance["total"])
        for balance in reported["balances"]
        if simulated.serves("ledger", balance["wallet"])
    }


def test_paths_of_exchanges_do_not_overlap(world: World) -> None:
    server_state = ServerState(lambda: NOW, (), limits=True)
    places = [
        (route.path, method)
        for name, simulated in EXCHANGES.items()
        for route in simulated.routes(ExchangeState(server_state, world.on(name)))
        for method in route.methods or ()
    ]
    assert len(places) == len(set(places)) > 50


def test_limits_can_be_switched_off(world: World) -> None:
    for limits, codes in ((True, {0, 10006}), (False, {0})):
        with serve(world, clock=lambda: NOW, limits=limits) as simulator:
            path = "/v5/user/query-api"
            answers = [signed(simulator, path, patient=False) for _ in range(12)]
        assert {answer.code for answer in answers} == codes


def test_clients_are_identified_by_their_user_agent(frozen: Simulator) -> None:
    before = time.time() * 1000
    for agent in ("first", "first", "second"):
        signed(frozen, "/v5/account/info", agent=agent)
    get(frozen, "/v5/market/time", {"User-Agent": "public-only"})
    reported = {client["client"]: client for client in frozen.clients()}
    first, second = reported["first"], reported["second"]
    assert (first["requests"], second["requests"]) == (2, 1)
    assert "public-only" not in reported
    assert before - 1 <= first["first"] < first["last"] < second["first"] == second["last"]
    assert json.loads(get(frozen, "/__clients").body) == frozen.clients()


def test_requests_are_logged(frozen: Simulator) -> None:
    get(frozen, "/v5/market/time", {"User-Agent": "me"})
    assert frozen.requests[-1] == (NOW, "GET", "/v5/market/time", "me")


def test_the_clock_can_be_moved_while_it_runs(frozen: Simulator) -> None:
    frozen.set_clock(lambda: NOW + 5)
    assert get(frozen, "/v5/market/time").json["time"] == NOW + 5


def test_it_releases_its_port(world: World) -> None:
    with serve(world, clock=lambda: NOW) as simulator:
        assert get(simulator, "/v5/market/time").code == 0
    with serve(world, port=simulator.port, clock=lambda: NOW) as again:
        assert again.port == simulator.port


def test_in_the_foreground_it_reports_its_address_and_stops_on_a_signal() -> None:
    code = (
        "from exchange_simulator import World, run\n"
        "run(World(), on_start=lambda simulator: print(simulator.url, flush=True))\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        assert url.startswith("http://127.0.0.1:")
        process.terminate()
        _, errors = process.communicate(timeout=60)
    finally:
        process.kill()
    assert errors == ""


def test_the_command_prints_its_address_and_the_variables_to_set() -> None:
    code = "import sys; from exchange_simulator.command import main; sys.exit(main())"
    command = [sys.executable, "-c", code, "--port", "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        # it answers once all has been said
        urlopen(f"{url}/v5/market/time", timeout=60).close()  # noqa: S310
        process.terminate()
        rest, reported = process.communicate(timeout=60)
    finally:
        process.kill()
    assert rest == "", "stdout has only the address"
    for exchange in EXCHANGES:
        line = next(
            line for line in reported.splitlines() if f"{exchange.upper()}_API_KEY=" in line
        )
        assert f"export {exchange.upper()}_API_URL={url} " in line
    assert "OKX_API_PASSWORD=" in reported
