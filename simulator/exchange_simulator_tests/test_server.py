"""The server: the truth, who calls, and what was asked."""

import json
import subprocess
import sys
import time
from collections import defaultdict
from decimal import Decimal
from urllib.request import urlopen

import pytest

from exchange_simulator import FACES, Simulator, World, serve
from exchange_simulator.exchange import Exchange, House
from exchange_simulator.face import DATASETS
from exchange_simulator.layout import LAYOUTS
from exchange_simulator.markets import DAY
from exchange_simulator.money import plain
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
    forgotten = json.loads(get(frozen, "/__truth?forgotten=1").body)["orders"]
    assert len(forgotten) > len(now["orders"])
    assert not any(order["forgotten"] for order in now["orders"])


def test_each_exchange_has_a_truth_of_its_own(frozen: Simulator) -> None:
    day = frozen.world.genesis + 5 * DAY
    for exchange, face in FACES.items():
        told = json.loads(get(frozen, f"/__truth?exchange={exchange}&at={day}").body)
        assert told == frozen.truth(day, exchange=exchange)
        assert set(told) == {"at", "seed", "genesis"} | (DATASETS - face.unserved)
        wallets = {trade["wallet"] for trade in told["trades"]}
        assert wallets <= set(LAYOUTS[exchange].wallets)
        assert wallets
    unknown = get(frozen, "/__truth?exchange=mtgox")
    assert (unknown.status, unknown.json) == (404, {"error": "there is no exchange 'mtgox'"})


@pytest.mark.parametrize("exchange", sorted(FACES))
def test_the_rows_of_a_ledger_add_up_to_the_balance(frozen: Simulator, exchange: str) -> None:
    """Also where one entry is told in several rows."""
    face, told = FACES[exchange], frozen.truth(frozen.world.genesis + 40 * DAY, exchange=exchange)
    sums: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for row in told["ledger"]:
        account = row["wallet"], row["asset"]
        sums[account] += Decimal(row["amount"])
        assert row["balance_after"] in (None, plain(sums[account]))
        assert (row["balance_after"] is None) != face.serves("balance_after", row["wallet"])
    assert sums == {
        (balance["wallet"], balance["asset"]): Decimal(balance["total"])
        for balance in told["balances"]
        if face.serves("ledger", balance["wallet"])
    }


def test_no_two_faces_answer_at_the_same_path(world: World) -> None:
    house = House(lambda: NOW, (), limits=True)
    places = [
        (route.path, method)
        for name, face in FACES.items()
        for route in face.routes(Exchange(house, world.on(name)))
        for method in route.methods or ()
    ]
    assert len(places) == len(set(places)) > 50


def test_limits_can_be_switched_off(world: World) -> None:
    for limits, codes in ((True, {0, 10006}), (False, {0})):
        with serve(world, clock=lambda: NOW, limits=limits) as simulator:
            path = "/v5/user/query-api"
            answers = [signed(simulator, path, patient=False) for _ in range(12)]
        assert {answer.code for answer in answers} == codes


def test_clients_are_told_apart_by_their_user_agent(frozen: Simulator) -> None:
    before = time.time() * 1000
    for agent in ("first", "first", "second"):
        signed(frozen, "/v5/account/info", agent=agent)
    get(frozen, "/v5/market/time", {"User-Agent": "a public one does not count"})
    told = {client["client"]: client for client in frozen.clients()}
    first, second = told["first"], told["second"]
    assert (first["requests"], second["requests"]) == (2, 1)
    assert "a public one does not count" not in told
    assert before - 1 <= first["first"] < first["last"] < second["first"] == second["last"]
    assert json.loads(get(frozen, "/__clients").body) == frozen.clients()


def test_requests_are_logged(frozen: Simulator) -> None:
    get(frozen, "/v5/market/time", {"User-Agent": "me"})
    assert frozen.requests[-1] == (NOW, "GET", "/v5/market/time", "me")


def test_the_clock_can_be_moved_while_it_runs(frozen: Simulator) -> None:
    frozen.set_clock(lambda: NOW + 5)
    assert get(frozen, "/v5/market/time").json["time"] == NOW + 5


def test_it_starts_quickly_and_frees_its_port(world: World) -> None:
    before = time.monotonic()
    with serve(world, clock=lambda: NOW) as simulator:
        assert get(simulator, "/v5/market/time").code == 0
    assert time.monotonic() - before < 1.5
    with serve(world, port=simulator.port, clock=lambda: NOW) as again:
        assert again.port == simulator.port


def test_in_the_foreground_it_says_where_it_is_and_stops_when_told() -> None:
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
        _, errors = process.communicate(timeout=10)
    finally:
        process.kill()
    assert errors == ""


def test_on_the_command_line_it_says_where_it_is_and_what_to_set() -> None:
    code = "import sys; from exchange_simulator.command import main; sys.exit(main())"
    command = [sys.executable, "-c", code, "--port", "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        # it answers once all has been said
        urlopen(f"{url}/v5/market/time", timeout=10).close()  # noqa: S310
        process.terminate()
        rest, told = process.communicate(timeout=10)
    finally:
        process.kill()
    assert rest == "", "nothing but the address goes to stdout"
    for exchange in FACES:
        line = next(line for line in told.splitlines() if f"{exchange.upper()}_API_KEY=" in line)
        assert f"export {exchange.upper()}_API_URL={url} " in line
    assert "OKX_API_PASSWORD=" in told
