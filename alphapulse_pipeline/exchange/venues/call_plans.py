"""How one unified method of ccxt's must be called so that it leaves out nothing, by a dry run.

Some exchanges list everything in one answer, some a kind of market at a time, some one market at a
time; and ccxt's own parameters for that (`type`, `subType`, `until`) slip into the request where a
method does not know them.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from alphapulse_pipeline.exchange.venues import ccxt_overrides
from alphapulse_pipeline.exchange.venues.ccxt_overrides import CATEGORIES, Bound, Hints
from alphapulse_pipeline.exchange.venues.dry_run import (
    SINCE,
    SYMBOLS,
    UNTIL,
    Answer,
    DryRun,
    Outcome,
    arrives,
)

_KINDS: dict[str, tuple[dict[str, str], str]] = {
    "spot": ({"type": "spot"}, "spot"),
    "linear": ({"type": "swap", "subType": "linear"}, "linear"),
    "inverse": ({"type": "swap", "subType": "inverse"}, "inverse"),
    "linear future": ({"type": "future", "subType": "linear"}, "linear"),
    "inverse future": ({"type": "future", "subType": "inverse"}, "inverse"),
    "option": ({"type": "option"}, "option"),
}
"""What may have to be asked for by itself -> ccxt's parameters, category."""
_UNSEEN = "unseen"


@dataclass(frozen=True)
class CallPlan:
    """One call of a unified method."""

    name: str
    """What it asks for: a kind of market, or all."""
    category: str = ""
    """ccxt's flag of all markets in its answer; empty where there are several kinds."""
    params: Mapping[str, Any] = field(default_factory=dict)
    """ccxt's `params`."""
    kinds: frozenset[str] = frozenset()
    """The kinds of markets that it lists."""
    part_of: str = ""
    """The name of what is asked for in several calls."""
    per_market: bool = False
    request: tuple[str, str] = ("", "")
    """What is sent, so that equal calls are seen."""
    sent: frozenset[str] = frozenset()
    """The names of the request's parameters."""
    since: bool = False
    """Whether ccxt's `since` arrives."""
    until: bool = False
    """Whether ccxt's `until` arrives."""
    start: Bound | None = None
    end: Bound | None = None

    @property
    def seen(self) -> bool:
        return self.request[0] != _UNSEEN

    @property
    def windowed(self) -> bool:
        return self.since or self.start is not None


class CallPlanner:
    """The ways of one exchange."""

    def __init__(self, exchange: str) -> None:
        self.name = exchange
        self.run = DryRun(exchange)
        self.hints = Hints(self.run.ccxt.has, self.run.ccxt.features or {})
        self.categories = self.hints.categories()
        self.refused: dict[tuple[str, str], str] = {}
        """(method, kind) -> why it cannot be used."""
        self.listed: dict[str, set[str]] = {}
        """Method -> the kinds of markets that it lists."""

    def has(self, method: str) -> bool:
        return (
            bool(self.hints.has.get(method)) and (self.name, method) not in ccxt_overrides.UNUSABLE
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
        """The calls that together list all markets' rows, by name.

        `contracts`: not spot's. `symbols`: whether it can be asked for one market. `scoped`: asked
        several times where once leaves things out.
        """
        if not self.has(method):
            return {}
        derivatives = contracts and set(self.categories) != {"spot"}
        found: dict[tuple[str, str], CallPlan] = {}
        for kind in _KINDS:
            if self._claims(kind) and not (derivatives and kind == "spot"):
                way = self._way(method, kind, windowed)
                if way is not None and (symbols or not way.per_market):
                    same = found.get(way.request)
                    way = replace(way, kinds=frozenset({kind}))
                    found[way.request] = _shared(same, way) if same else way
        ways = list(found.values())
        if any(way.per_market for way in ways):
            # markets by name: futures among them
            ways = [way for way in ways if "future" not in way.name]
        self.listed[method] = set().union(*(way.kinds for way in ways))
        return {w.name: w for way in ways for w in (self._scoped(way) if scoped else [way])}

    def at_once(self, method: str, *, windowed: bool = True) -> CallPlan | None:
        """The call that lists everything, whatever it is about; None where there is none."""
        if not self.has(method):
            return None
        answer = self._ask(method, windowed, {})
        if answer.outcome in (Outcome.NEEDS, Outcome.LACKS):
            self.refused[method, ""] = answer.reason
            return None
        return self._timed(CallPlan("all", "", request=_key(answer)), method, answer, windowed)

    def _claims(self, kind: str) -> bool:
        if "future" in kind:
            category = _KINDS[kind][1]
            return bool((self.hints.features.get("future") or {}).get(category))
        return kind in self.categories

    def _way(self, method: str, kind: str, windowed: bool) -> CallPlan | None:
        typed, category = _KINDS[kind]
        several = len(self.categories) > 1
        if (self.name, method) in ccxt_overrides.PER_MARKET:
            return self._one_market(method, kind, windowed)
        plain = self._ask(method, windowed, {})
        for params in _narrowings(typed) if several else ():
            answer = self._ask(method, windowed, params)
            if answer.outcome is Outcome.LACKS:
                self.refused[method, kind] = answer.reason
                return None
            if answer.outcome is Outcome.NEEDS:
                return self._one_market(method, kind, windowed)
            if answer.outcome is Outcome.ASKS and not _leaks(params, answer, plain):
                if "type" not in params and not self._tells_apart(method, windowed):
                    break
                whole = "subType" in params or category in ("spot", "option")
                name = kind if whole else typed["type"]
                flag = category if whole else "contract"
                way = CallPlan(name, flag, params, request=_key(answer))
                return self._timed(way, method, answer, windowed)
        if plain.outcome is Outcome.NEEDS:
            return self._one_market(method, kind, windowed)
        if plain.outcome is Outcome.LACKS:
            self.refused[method, kind] = plain.reason
            return None
        if plain.outcome is Outcome.ASKS:
            return self._timed(CallPlan("all", request=_key(plain)), method, plain, windowed)
        # nothing was seen: what ccxt says of itself is all that there is
        if self.hints.needs_symbol(category, method):
            return self._one_market(method, kind, windowed)
        flag = category if several else ""
        way = CallPlan(kind, flag, typed if several else {}, request=(_UNSEEN, kind))
        return self._timed(way, method, plain, windowed)

    def _tells_apart(self, method: str, windowed: bool) -> bool:
        """Whether `subType` changes the request; some methods take it away and do not use it."""
        asked = [self._ask(method, windowed, {"subType": s}) for s in ("linear", "inverse")]
        return _key(asked[0]) != _key(asked[1])

    def _one_market(self, method: str, kind: str, windowed: bool) -> CallPlan | None:
        category = _KINDS[kind][1]
        answer = self._ask(method, windowed, {}, SYMBOLS[category])
        if answer.outcome in (Outcome.NEEDS, Outcome.LACKS):
            self.refused[method, kind] = answer.reason
            return None
        way = CallPlan(kind, category, per_market=True, request=("one market", kind))
        return self._timed(way, method, answer, windowed)

    def _ask(
        self, method: str, windowed: bool, params: Mapping[str, Any], symbol: str = ""
    ) -> Answer:
        name = unified(method)
        call: dict[str, Any] = {"symbol": symbol} if symbol else {}
        if windowed:
            answer = self.run.ask(name, since=SINCE, params={"until": UNTIL, **params}, **call)
            if answer.outcome is not Outcome.UNKNOWN:
                return answer
        return self.run.ask(name, params=dict(params), **call)

    def _timed(self, way: CallPlan, method: str, answer: Answer, windowed: bool) -> CallPlan:
        """With how its window is told."""
        way = replace(way, sent=frozenset(answer.params))
        if not windowed:
            return way
        if answer.outcome is Outcome.UNKNOWN:
            return replace(way, since=True, until=True)
        since, until = arrives(SINCE, answer.params), arrives(UNTIL, answer.params)
        return replace(
            way,
            since=since,
            until=until,
            start=None if since else ccxt_overrides.bound(ccxt_overrides.STARTS, self.name, method),
            end=None if until else ccxt_overrides.bound(ccxt_overrides.ENDS, self.name, method),
        )

    def _scoped(self, way: CallPlan) -> list[CallPlan]:
        """The way once for each of the things that ccxt would choose one of."""
        scopes = ccxt_overrides.SCOPES.get((self.name, way.category), {})
        chosen = {name for more in scopes.values() for name in more}
        if way.per_market or not chosen or not chosen <= way.sent:
            return [way]
        return [
            replace(
                way,
                name=name if way.name == "all" else f"{way.name} {name}",
                part_of=way.name,
                params={**way.params, **more},
            )
            for name, more in scopes.items()
        ]


def unified(method: str) -> str:
    """fetchMyTrades -> fetch_my_trades"""
    return re.sub("[A-Z]", lambda letter: "_" + letter.group().lower(), method)


def window(way: CallPlan, limit: int | None) -> Callable[[int, int], Mapping[str, Any]]:
    """The arguments of a call for a window, both ends included, in milliseconds."""

    def between(first: int, last: int) -> Mapping[str, Any]:
        params = dict(way.params)
        if way.until:
            params["until"] = last
        for bound, time in ((way.start, max(first, 0)), (way.end, last)):
            if bound is not None:
                params[bound.name] = bound.written(time)
        return {
            **({"since": max(first, 0)} if way.since else {}),
            **({"limit": limit} if limit else {}),
            "params": params,
        }

    return between


def _narrowings(typed: Mapping[str, str]) -> list[dict[str, str]]:
    """What may make a call ask for one kind of market, the most exact first."""
    names = [("type", "subType"), ("type",), ("subType",)]
    return [
        {name: typed[name] for name in chosen} for chosen in names if set(chosen) <= typed.keys()
    ]


def _leaks(params: Mapping[str, str], answer: Answer, plain: Answer) -> bool:
    """Whether ccxt's own parameters came through to the request, where they mean nothing."""
    return any(
        answer.params.get(name) == value and plain.params.get(name) != value
        for name, value in params.items()
    )


def _key(answer: Answer) -> tuple[str, str]:
    # a nonce or a time of day differs in every request
    steady = {k: v for k, v in answer.params.items() if not re.fullmatch(r"\d{10,}", str(v))}
    return answer.path, repr(sorted(steady.items(), key=repr))


def _shared(one: CallPlan, other: CallPlan) -> CallPlan:
    """One call for what both are about."""
    kinds = one.kinds | other.kinds
    if one.category == other.category:
        return replace(one, kinds=kinds)
    if {one.category, other.category} & {"", "spot"}:
        return replace(one, name="all", category="", kinds=kinds)
    return replace(one, name="contract", category="contract", kinds=kinds)


__all__ = ["CATEGORIES", "CallPlan", "CallPlanner", "unified", "window"]
