"""An account's one rate limit: a bucket of tokens that also fills while nobody waits.

ccxt's own bucket forgets the time in which its queue was empty, which costs a tenth of the speed
when one history is left to read.
"""

import asyncio
import time
from collections.abc import Mapping
from typing import Any


class TokenBucket:
    """Lets requests through in the order in which they came.

    Takes ccxt's `tokenBucket`: `capacity` and `tokens` in a request's cost, `refillRate` in cost a
    millisecond. As in ccxt a request may go as soon as the bucket owes nothing, so that one which
    costs more than the capacity is not held for ever.
    """

    def __init__(self, config: Mapping[str, Any]) -> None:
        self._capacity = float(config["capacity"])
        self._per_second = 1000 * float(config["refillRate"])
        self._tokens = float(config.get("tokens", 0))
        self.spent = 0.0
        """The cost of all requests so far."""
        self._filled_at = time.monotonic()
        self._held_until = self._filled_at

    @property
    def per_hour(self) -> float:
        """The cost that an hour allows."""
        return 3600 * self._per_second

    async def __call__(self, cost: float = 1) -> None:
        """Return when a request of this cost may be sent."""
        wait = self.take(cost, time.monotonic())
        while wait > 0:
            await asyncio.sleep(wait)
            wait = self._held_until - time.monotonic()

    def hold(self, seconds: float) -> None:
        """Let nothing through for so long: the exchange said so to one of many requests."""
        self._held_until = max(self._held_until, time.monotonic() + seconds)

    def take(self, cost: float, now: float) -> float:
        """Seconds from `now` on, a clock's, after which a request of this cost may be sent.

        It is taken at once: who comes next waits longer, and nobody is overtaken.
        """
        filled = self._tokens + (now - self._filled_at) * self._per_second
        self._tokens = min(filled, self._capacity)
        self._filled_at = now
        wait = max(-self._tokens, 0) / self._per_second
        self._tokens -= cost
        self.spent += cost
        return max(wait, self._held_until - now)
