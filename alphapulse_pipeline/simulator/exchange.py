"""What every face shares: the world behind it, the keys, the clock, and who has called."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from alphapulse_pipeline.simulator.keys import Key
from alphapulse_pipeline.simulator.world import World

Clock = Callable[[], int]
"""Milliseconds since 1970."""


def system_clock() -> int:
    return time.time_ns() // 1_000_000


@dataclass(slots=True)
class Client:
    """A caller of private endpoints, known by its User-Agent. Times are real milliseconds."""

    client: str
    first: float
    last: float
    requests: int


class Exchange:
    def __init__(self, world: World, clock: Clock, keys: Iterable[Key]) -> None:
        self.world = world
        self.clock = clock
        self.clock_ahead = 0
        self.keys = {key.key: key for key in keys}
        self.clients: dict[str, Client] = {}

    def now(self) -> int:
        return self.clock() + self.clock_ahead

    def note_client(self, user_agent: str) -> None:
        # real time, whatever the exchange's clock says: this is about who calls at the same time
        now = time.time_ns() / 1_000_000
        client = self.clients.get(user_agent)
        if client is None:
            self.clients[user_agent] = Client(user_agent, now, now, 1)
        else:
            client.last = now
            client.requests += 1
