"""What an exchange's documentation allows, and waiting until a request is allowed.

A limit counts per IP address or per key. A limit per address is shared by all accounts that reach
the same server from this machine, and only a share of it is used: other programs here use the
exchange as well. What the exchange itself reports in its answers includes them.
"""

import asyncio
import hashlib
import logging
import math
import re
import time
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from alphapulse_pipeline.exchange.bucket import Bucket, directory
from alphapulse_pipeline.exchange.retry_after import DEFAULT_WAIT, until_next_minute

logger = logging.getLogger(__name__)

_JITTER = 0.5
"""Seconds by which requests may arrive closer to each other than they were sent."""
_LONGEST_WAIT = 60.0
"""Seconds. The longest wait that the exchange has not asked for."""
_SAY_EVERY = 60.0
"""Seconds between two messages about requests that were throttled."""
_FULL = 0.9
"""The share of a limit from which on the exchange's own count stops us, whoever has used it."""


@dataclass(frozen=True)
class Limit:
    """One counter of an exchange, in the exchange's own units."""

    name: str
    amount: float
    seconds: float
    """`amount` per `seconds`."""
    per_address: bool = False
    """Counted per IP address; otherwise per user or key."""
    burst: float | None = None
    """The most at once, if the documentation says; otherwise a part of `amount` that leaves room
    for what flows in meanwhile."""
    used: str = ""
    """Lower-case header with the amount used in the current minute."""
    left: str = ""
    """Lower-case header with the amount that is left."""
    server: str = ""
    """ccxt's name of the API whose server counts, if several servers share the counter."""

    def rate(self, share: float) -> float:
        """What may flow in per second, so that no window gets more than the amount."""
        spread = 0.0 if self.burst is not None else self._spread
        return self._part(share) * self.amount / (self.seconds + spread)

    def most_at_once(self, share: float) -> float:
        if self.burst is not None:
            return self._part(share) * self.burst
        return self.rate(share) * self._spread

    def _part(self, share: float) -> float:
        return share if self.per_address else 1.0

    @property
    def _spread(self) -> float:
        return max(self.seconds / 20, min(self.seconds, _JITTER))


Charges = tuple[tuple[Limit, float], ...]
"""The limits that a request counts in, and how much in each; the narrowest first."""
Charged = Callable[[str, str, Mapping[str, Any]], Charges | None]
"""(ccxt's name of the API, path, parameters) -> charges; None if it is not documented."""


@dataclass(frozen=True)
class Request:
    """A request as ccxt describes it, and what ccxt would charge."""

    api: str
    path: str
    params: Mapping[str, Any]
    cost: float


_CURRENT: ContextVar[tuple[tuple[Limit, Bucket, float], ...]] = ContextVar("_CURRENT", default=())
"""What the request that this task is sending was charged."""


class RateLimiter:
    """Lets the requests of one account through, within its exchange's limits."""

    def __init__(
        self,
        ccxt_bucket: Mapping[str, Any],
        charged: Charged | None,
        share: float,
        key: str,
        server_of: Callable[[str], str],
    ) -> None:
        """`ccxt_bucket`: ccxt's `tokenBucket`, used for what `charged` does not know."""
        self._undocumented = Limit(
            "ccxt",
            1000 * float(ccxt_bucket["refillRate"]),
            1,
            per_address=True,
            burst=float(ccxt_bucket["capacity"]),
        )
        self._charged = charged
        self._share = share
        self._key = hashlib.sha256(key.encode()).hexdigest()[:16]
        self._server_of = server_of
        self._buckets: dict[tuple[str, str], Bucket] = {}
        self._refusals = 0
        """Since the last message."""
        self._said_at = -math.inf
        self.spent = 0.0
        """Seconds that the limits need to allow the requests so far, one after the other."""

    per_hour = 3600.0
    """What of `spent` an hour allows."""

    async def __call__(self, request: Request) -> None:
        """Return when the request may be sent."""
        charges = self._charges(request)
        current = tuple(
            (limit, self._bucket(limit, request.api), amount) for limit, amount in charges
        )
        self.spent += max(amount / bucket.per_second for _, bucket, amount in current)
        turns = [(bucket, bucket.take(amount)) for _, bucket, amount in current]
        while (wait := max(bucket.wait(turn) for bucket, turn in turns)) > 0:
            await asyncio.sleep(wait)
        _CURRENT.set(current)

    def observe(self, headers: Mapping[str, str]) -> None:
        """Stop where the exchange's count says that a limit is nearly used up, whoever used it."""
        lower = {name.lower(): value for name, value in headers.items()}
        for limit, bucket, _ in _CURRENT.get():
            used, left = lower.get(limit.used, ""), lower.get(limit.left, "")
            if used.isdigit() and int(used) > _FULL * limit.amount:
                wait = until_next_minute(lower.get("date", ""))
                if bucket.hold(wait):
                    logger.info(
                        "%s of %.0f used in this minute (%s), by other programs as well: "
                        "continuing in %.0f s",
                        used,
                        limit.amount,
                        limit.name,
                        wait,
                    )
            if left == "0":
                bucket.hold(1 / bucket.per_second)

    def refused(self, asked: float | None, times: int) -> float:
        """Hold the limit that the current request broke; how long, in seconds.

        `asked`: what the exchange asks for. If it does not say, as long as the limit needs to allow
        the request, and twice as long each time it was not enough: others use it as well.
        """
        current = _CURRENT.get()
        if asked is None:
            needed = current[0][2] / current[0][1].per_second if current else 0.0
            asked = min(max(needed, DEFAULT_WAIT) * 2.0 ** (times - 1), _LONGEST_WAIT)
        self.hold(asked)
        self._say_throttled(asked)
        return asked

    def _say_throttled(self, wait: float) -> None:
        """Log the first refusal, and then once a minute how many there were."""
        self._refusals += 1
        now = time.monotonic()
        if now < self._said_at + _SAY_EVERY:
            return
        many = f" ({self._refusals} requests refused in the last minute)"
        logger.info(
            "at the exchange's rate limit%s, continuing in %.0f s (normal)",
            many if self._refusals > 1 else "",
            max(wait, 1.0),
        )
        self._said_at, self._refusals = now, 0

    def hold(self, seconds: float) -> None:
        """Let no request through the narrowest limit of the current one for `seconds`."""
        for _, bucket, _ in _CURRENT.get()[:1]:
            bucket.hold(seconds)

    def close(self) -> None:
        for bucket in self._buckets.values():
            bucket.close()

    def _charges(self, request: Request) -> Charges:
        if self._charged is not None:
            known = self._charged(request.api, request.path, request.params)
            if known is not None:
                return known
        return ((self._undocumented, request.cost),)

    def _bucket(self, limit: Limit, api: str) -> Bucket:
        server = self._server_of(limit.server or api)
        if (server, limit.name) not in self._buckets:
            parts = [urlsplit(server).scheme, urlsplit(server).netloc, limit.name]
            if not limit.per_address:
                parts.append(self._key)
            folder = directory()
            self._buckets[server, limit.name] = Bucket(
                folder and folder / re.sub(r"[^\w.-]", "_", " ".join(parts)),
                limit.rate(self._share),
                limit.most_at_once(self._share),
            )
        return self._buckets[server, limit.name]
