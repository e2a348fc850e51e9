"""Determines by dry runs which calls of a unified ccxt method together return everything.

Some exchanges list everything in one answer, some one kind of market at a time, some one market at
a time. ccxt's own parameters for that (`type`, `subType`, `until`) leak into the request of methods
that do not handle them.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from alphapulse_pipeline.exchange.venues import ccxt_overrides
from alphapulse_pipeline.exchange.venues.ccxt_overrides import CATEGORIES, Bound, CcxtClaims
from alphapulse_pipeline.exchange.venues.dry_run import (
    SINCE,
    SYMBOLS,
    UNTIL,
    Answer,
    DryRun,
    Outcome,
    arrives,
    times,
    units,
)

_KINDS: dict[str, tuple[dict[str, str], str]] = {
    "spot": ({"type": "spot"}, "spot"),
    "linear": ({"type": "swap", "subType": "linear"}, "linear"),
    "inverse": ({"type": "swap", "subType": "inverse"}, "inverse"),
    "linear future": ({"type": "future", "subType": "linear"}, "linear"),
    "inverse future": ({"type": "future", "subType": "inverse"}, "inverse"),
    "option": ({"type": "option"}, "option"),
}
"""What may need a request of its own -> ccxt's parameters, category."""
_NOT_OBSERVED = "not observed"
_WINDOW_ENDS = (1_546_300_800_000, 1_790_035_200_000)
"""Where the windows end that requests for candles are checked with, in milliseconds at 00:00 UTC:
some of ccxt's methods request old windows in another way."""
_DAY = 86_400_000
_SECOND = 1000
"""By how much the ends of a window may be off in a request, in milliseconds."""


@dataclass(frozen=True)
class CallPlan:
    """One call of a unified method."""

    name: str
    """What it requests: a kind of market, or "all"."""
    category: str = ""
    """ccxt's flag of all markets in its answer; empty if there are several kinds."""
    params: Mapping[str, Any] = field(default_factory=dict)
    """ccxt's `params`."""
    kinds: frozenset[str] = frozenset()
    """The kinds of markets that it lists."""
    part_of: str = ""
    """If the plan was split into several calls, the name of the whole."""
    per_market: bool = False
    request: tuple[str, str] = ("", "")
    """The request that is sent, to recognize equal calls."""
    sent: frozenset[str] = frozenset()
    """The names of the request's parameters."""
    since: bool = False
    """Whether the request contains ccxt's `since`."""
    until: bool = False
    """Whether the request contains ccxt's `until`."""
    start: Bound | None = None
    end: Bound | None = None

    @property
    def observed(self) -> bool:
        return self.request[0] != _NOT_OBSERVED

    @property
    def windowed(self) -> bool:
        return self.since or self.start is not None


class CallPlanner:
    """Makes the call plans of one exchange."""

    def __init__(self, exchange: str) -> None:
        self.name = exchange
        self.run = DryRun(exchange)
        self.claims = CcxtClaims(self.run.ccxt.has, self.run.ccxt.features or {})
        self.categories = self.claims.categories()
        self.refused: dict[tuple[str, str], str] = {}
        """(method, kind) -> why it cannot be used."""
        self.listed: dict[str, set[str]] = {}
        """Method -> the kinds of markets that it lists."""

    def has(self, method: str) -> bool:
        return (
            bool(self.claims.has.get(method)) and (self.name, method) not in ccxt_overrides.UNUSABLE
        )

    def by_market(
        self,
        method: str,
        *,
        windowed: bool = True,
        contracts: bool = False,
        symbols: bool = True,
        scoped: bool = True,
    ) -> dict[str, CallPlan]:
        """The calls that together list the rows of all markets, by name.

        `contracts`: without spot. `symbols`: whether the method accepts a market. `scoped`: whether
        to split a call that would return only a part.
        """
        if not self.has(method):
            return {}
        derivatives = contracts and set(self.categories) != {"spot"}
        found: dict[tuple[str, str], CallPlan] = {}
        for kind in _KINDS:
            if self._has_kind(kind) and not (derivatives and kind == "spot"):
                plan = self._plan(method, kind, windowed)
                if plan is not None and (symbols or not plan.per_market):
                    same = found.get(plan.request)
                    plan = replace(plan, kinds=frozenset({kind}))
                    found[plan.request] = _merged(same, plan) if same else plan
        plans = list(found.values())
        if any(plan.per_market for plan in plans):
            # requested market by market, futures included
            plans = [plan for plan in plans if "future" not in plan.name]
        self.listed[method] = set().union(*(plan.kinds for plan in plans))
        return {p.name: p for plan in plans for p in (self._scoped(plan) if scoped else [plan])}

    def single_call(self, method: str, *, windowed: bool = True) -> CallPlan | None:
        """The one call that lists everything; None if there is none."""
        if not self.has(method):
            return None
        answer = self._dry_run(method, windowed, {})
        if answer.outcome in (Outcome.NEEDS_ARGUMENT, Outcome.UNSUPPORTED):
            self.refused[method, ""] = answer.reason
            return None
        return self._timed(CallPlan("all", "", request=_key(answer)), method, answer, windowed)

    def candles(self, days: int, limit: int) -> CallPlan | None:
        """The call for the daily candles of one spot market; None if there is none, or if its
        request is not certain to be for the whole window.

        `days`: of the longest window. `limit`: ccxt's, which must be more.
        """
        method, spot = "fetchOHLCV", "spot"
        # not "emulated" from trades
        if self.run.ccxt.has.get(method) is not True or not self.run.ccxt.has.get(spot):
            return None
        if why := self._why_no_candles(method, limit):
            self.refused[method, spot] = why
            return None
        plan = CallPlan(spot, spot, per_market=True, since=True, until=True)
        own = ccxt_overrides.ENDS.get((self.name, method))
        plan = replace(plan, until=False, end=own) if own else plan
        if not all(self._asks_for(plan, end, days, limit) for end in _WINDOW_ENDS):
            self.refused[method, spot] = "ccxt cannot request exact days"
            return None
        return plan

    def _why_no_candles(self, method: str, limit: int) -> str:
        if why := ccxt_overrides.UNUSABLE.get((self.name, method)):
            return why
        if not (self.run.ccxt.timeframes or {}).get("1d"):
            return "ccxt lists no daily ones"
        if (self.claims.limit("spot", method, "limit") or limit) < limit:
            return "answers are too short"
        return ""

    def _asks_for(self, plan: CallPlan, end: int, days: int, limit: int) -> bool:
        """Whether the request for a window ends with it and leaves out none of its beginning.

        An exchange would answer a shorter request with few rows, which look like all there are. One
        that gets no beginning answers with older rows, which do not prove that a market
        without trades has none.
        """
        first, last = end - days * _DAY, end - 1
        arguments = window(plan, limit)(first, last)
        symbol = SYMBOLS[plan.category]
        answer = self.run.ask("fetch_ohlcv", symbol=symbol, timeframe="1d", **arguments)
        sent = times(answer.params)
        if answer.outcome is not Outcome.SENDS or len({unit for unit, _ in sent}) != 1:
            return False
        begins = [time for _, time in sent if time <= first + _SECOND]
        ends = [time for _, time in sent if abs(time - last) <= _SECOND]
        return bool(begins and ends) and len(begins) + len(ends) == len(sent)

    def _has_kind(self, kind: str) -> bool:
        if "future" in kind:
            category = _KINDS[kind][1]
            return bool((self.claims.features.get("future") or {}).get(category))
        return kind in self.categories

    def _plan(self, method: str, kind: str, windowed: bool) -> CallPlan | None:
        typed, category = _KINDS[kind]
        several = len(self.categories) > 1
        if (self.name, method) in ccxt_overrides.PER_MARKET:
            return self._one_market(method, kind, windowed)
        plain = self._dry_run(method, windowed, {})
        for params in _narrowings(typed) if several else ():
            answer = self._dry_run(method, windowed, params)
            if answer.outcome is Outcome.UNSUPPORTED:
                self.refused[method, kind] = answer.reason
                return None
            if answer.outcome is Outcome.NEEDS_ARGUMENT:
                return self._one_market(method, kind, windowed)
            if answer.outcome is Outcome.SENDS and not _leaks(params, answer, plain):
                if "type" not in params and not self._distinguishes_subtypes(method, windowed):
                    break
                whole = "subType" in params or category in ("spot", "option")
                name = kind if whole else typed["type"]
                flag = category if whole else "contract"
                plan = CallPlan(name, flag, params, request=_key(answer))
                return self._timed(plan, method, answer, windowed)
        if plain.outcome is Outcome.NEEDS_ARGUMENT:
            return self._one_market(method, kind, windowed)
        if plain.outcome is Outcome.UNSUPPORTED:
            self.refused[method, kind] = plain.reason
            return None
        if plain.outcome is Outcome.SENDS:
            return self._timed(CallPlan("all", request=_key(plain)), method, plain, windowed)
        # the dry run did not reach a request: rely on ccxt's claims
        if self.claims.needs_symbol(category, method):
            return self._one_market(method, kind, windowed)
        flag = category if several else ""
        plan = CallPlan(kind, flag, typed if several else {}, request=(_NOT_OBSERVED, kind))
        return self._timed(plan, method, plain, windowed)

    def _distinguishes_subtypes(self, method: str, windowed: bool) -> bool:
        """Whether `subType` changes the request; some methods remove it without using it."""
        linear = self._dry_run(method, windowed, {"subType": "linear"})
        inverse = self._dry_run(method, windowed, {"subType": "inverse"})
        return _key(linear) != _key(inverse)

    def _one_market(self, method: str, kind: str, windowed: bool) -> CallPlan | None:
        category = _KINDS[kind][1]
        answer = self._dry_run(method, windowed, {}, SYMBOLS[category])
        if answer.outcome in (Outcome.NEEDS_ARGUMENT, Outcome.UNSUPPORTED):
            self.refused[method, kind] = answer.reason
            return None
        plan = CallPlan(kind, category, per_market=True, request=("one market", kind))
        return self._timed(plan, method, answer, windowed)

    def _dry_run(
        self, method: str, windowed: bool, params: Mapping[str, Any], symbol: str = ""
    ) -> Answer:
        name = unified(method)
        call: dict[str, Any] = {"symbol": symbol} if symbol else {}
        if windowed:
            answer = self.run.ask(name, since=SINCE, params={"until": UNTIL, **params}, **call)
            if answer.outcome is not Outcome.UNKNOWN:
                return answer
        return self.run.ask(name, params=dict(params), **call)

    def _timed(self, plan: CallPlan, method: str, answer: Answer, windowed: bool) -> CallPlan:
        """The plan with the parameters for its window."""
        plan = replace(plan, sent=frozenset(answer.params))
        if not windowed:
            return plan
        if answer.outcome is Outcome.UNKNOWN:
            return replace(plan, since=True, until=True)
        unit = ccxt_overrides.UNITS.get((self.name, method), "")
        since = arrives(SINCE, answer.params, unit)
        until = arrives(UNTIL, answer.params, unit)
        timed = replace(
            plan,
            since=since,
            until=until,
            start=None if since else ccxt_overrides.bound(ccxt_overrides.STARTS, self.name, method),
            end=None if until else ccxt_overrides.bound(ccxt_overrides.ENDS, self.name, method),
        )
        return plan if _contradicts_itself(timed, answer) else timed

    def _scoped(self, plan: CallPlan) -> list[CallPlan]:
        """One plan for each scope, where ccxt would choose one of them by default."""
        scopes = ccxt_overrides.SCOPES.get((self.name, plan.category), {})
        chosen = {name for more in scopes.values() for name in more}
        if plan.per_market or not chosen or not chosen <= plan.sent:
            return [plan]
        return [
            replace(
                plan,
                name=name if plan.name == "all" else f"{plan.name} {name}",
                part_of=plan.name,
                params={**plan.params, **more},
            )
            for name, more in scopes.items()
        ]


def unified(method: str) -> str:
    """fetchMyTrades -> fetch_my_trades"""
    return re.sub("[A-Z]", lambda letter: "_" + letter.group().lower(), method)


def window(plan: CallPlan, limit: int | None) -> Callable[[int, int], Mapping[str, Any]]:
    """The arguments of a call for a window, both ends included, in milliseconds."""

    def between(first: int, last: int) -> Mapping[str, Any]:
        params = dict(plan.params)
        if plan.until:
            params["until"] = last
        for bound, time in ((plan.start, max(first, 0)), (plan.end, last)):
            if bound is not None:
                params[bound.name] = bound.written(time)
        return {
            **({"since": max(first, 0)} if plan.since else {}),
            **({"limit": limit} if limit else {}),
            "params": params,
        }

    return between


def _narrowings(typed: Mapping[str, str]) -> list[dict[str, str]]:
    """Parameters that may restrict a call to one kind of market, the most specific first."""
    names = [("type", "subType"), ("type",), ("subType",)]
    return [
        {name: typed[name] for name in chosen} for chosen in names if set(chosen) <= typed.keys()
    ]


def _leaks(params: Mapping[str, str], answer: Answer, plain: Answer) -> bool:
    """Whether ccxt's own parameters leaked into the request, where the exchange ignores them."""
    return any(
        answer.params.get(name) == value and plain.params.get(name) != value
        for name, value in params.items()
    )


def _contradicts_itself(plan: CallPlan, answer: Answer) -> bool:
    """Whether the ends of the window are sent in different units: one of them is wrong, and if the
    exchange reads a time as far in the future, its empty answer looks like "no rows"."""
    start, end = (
        {bound.name: bound.written(time)} if bound else answer.params
        for bound, time in ((plan.start, SINCE), (plan.end, UNTIL))
    )
    sent = units(SINCE, start) - {"date"}, units(UNTIL, end) - {"date"}
    return all(sent) and not sent[0] & sent[1]


def _key(answer: Answer) -> tuple[str, str]:
    # nonces and times differ in every request
    stable = {k: v for k, v in answer.params.items() if not re.fullmatch(r"\d{10,}", str(v))}
    return answer.path, repr(sorted(stable.items(), key=repr))


def _merged(one: CallPlan, other: CallPlan) -> CallPlan:
    """One call for the markets of both."""
    kinds = one.kinds | other.kinds
    if one.category == other.category:
        return replace(one, kinds=kinds)
    if {one.category, other.category} & {"", "spot"}:
        return replace(one, name="all", category="", kinds=kinds)
    return replace(one, name="contract", category="contract", kinds=kinds)


__all__ = ["CATEGORIES", "CallPlan", "CallPlanner", "unified", "window"]
