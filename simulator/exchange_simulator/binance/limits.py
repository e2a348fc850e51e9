"""Request weight per minute (documentation: "LIMITS" and "IP Limits", rest-api.md of
binance-spot-api-docs, 2026-07-21; for /sapi "Rate limits",
developers.binance.com/docs/products/caas/basics/4.rate-limits, undated; for /papi "General Info",
developers.binance.com/docs/derivatives/portfolio-margin/general-info, undated, with the number as
ccxt repeats it).

Every request has a weight; the weights of a minute are added up per pool, and every answer reports
the sum. Pools count per IP address, over all its keys, or per user. Once the limit is reached,
requests are rejected with status 429 until the minute ends. Addresses that continue are banned
(418), at first for two minutes, and longer each time, up to three days; /sapi never bans. Minutes
are real time even if the exchange's clock is frozen or ahead, since they limit how fast a client
really sends requests.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from exchange_simulator.binance.answers import Refused

_MINUTE = 60
_FIRST_BAN = 120
_LONGEST_BAN = 3 * 86_400
_REJECTIONS_BEFORE_BAN = 20
"""Rejected requests in one minute that lead to a ban of the address; the number is not
documented."""


class Pool(NamedTuple):
    name: str
    limit: int
    """Weight per minute."""
    header: str
    per_user: bool = False
    """Counted per user instead of per address."""
    bans: bool = True


SPOT = Pool("spot", 6000, "X-MBX-USED-WEIGHT-1M")
# Whether USD-M and COIN-M share a pool is not documented; they are to run on the same engine.
FUTURES = Pool("futures", 2400, "X-MBX-USED-WEIGHT-1M")
PORTFOLIO_MARGIN = Pool("portfolio margin", 6000, "X-MBX-USED-WEIGHT-1M")
# "Exchange Information" of options, 2026-08-21
OPTIONS = Pool("options", 2400, "X-MBX-USED-WEIGHT-1M")


def sapi(path: str, *, per_user: bool) -> Pool:
    """Each endpoint under /sapi has its own pool."""
    if per_user:
        return Pool(path, 180_000, "X-SAPI-USED-UID-WEIGHT-1M", per_user=True, bans=False)
    return Pool(path, 12_000, "X-SAPI-USED-IP-WEIGHT-1M", bans=False)


@dataclass(slots=True)
class _Minute:
    number: int = -1
    used: int = 0
    refusals: int = 0


@dataclass(slots=True)
class _Ban:
    until: float
    times: int = 1


class Limiter:
    def __init__(self, clock: Callable[[], float] = time.time, others: float = 0) -> None:
        """`clock` returns seconds. `others`: the share of each pool per address that a different
        client at every address uses, evenly over the minute."""
        self._clock = clock
        self._others = others
        self._minutes: dict[tuple[str, str], _Minute] = {}
        self._bans: dict[str, _Ban] = {}

    def spend(self, ip: str, pool: Pool, weight: int, user: str = "") -> dict[str, str]:
        """Count a request and return the headers of its answer. Raises Refused (-1003)."""
        moment = self._clock()
        if (ban := self._bans.get(ip)) and ban.until > moment:
            raise self._banned(ban, moment)
        number, second = divmod(moment, _MINUTE)
        minute = self._minutes.setdefault((user if pool.per_user else ip, pool.name), _Minute())
        if minute.number != number:
            minute.number, minute.used, minute.refusals = int(number), 0, 0
        minute.used += weight
        others = 0 if pool.per_user else int(self._others * pool.limit * second / _MINUTE)
        used = minute.used + others
        headers = {pool.header: str(used)}
        if used <= pool.limit:
            return headers
        minute.refusals += 1
        if pool.bans and minute.refusals > _REJECTIONS_BEFORE_BAN:
            times = ban.times + 1 if ban else 1
            length = min(_FIRST_BAN * 2 ** (times - 1), _LONGEST_BAN)
            self._bans[ip] = ban = _Ban(moment + length, times)
            raise self._banned(ban, moment)
        raise Refused(
            -1003,
            f"Too much request weight used; current limit is {pool.limit} request weight per 1 "
            "MINUTE. Please use WebSocket Streams for live updates to avoid polling the API.",
            headers=headers | {"Retry-After": str(int(_MINUTE - second) + 1)},
        )

    def _banned(self, ban: _Ban, moment: float) -> Refused:
        wait = int(ban.until - moment) + 1
        return Refused(
            -1003,
            f"Way too much request weight used; IP banned for {wait} seconds. Please use "
            "WebSocket Streams for live updates to avoid bans.",
            status=418,
            headers={"Retry-After": str(wait)},
        )
