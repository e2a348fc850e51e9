"""The server: the truth, who calls, and what was asked."""

import json
import subprocess
import sys
import time

from alphapulse_pipeline.simulator import Simulator, World, serve
from alphapulse_pipeline.simulator.markets import DAY
from alphapulse_pipeline_tests.simulator.client import get, signed
from alphapulse_pipeline_tests.simulator.conftest import NOW


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
        "from alphapulse_pipeline.simulator import World, run\n"
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
