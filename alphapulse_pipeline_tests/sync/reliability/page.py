"""The page of bad days: what was tried, how it ended, what it did to the tables."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import astuple, dataclass, field

from alphapulse_pipeline_tests.sync.reliability.faults import BadDay
from alphapulse_pipeline_tests.sync.reliability.judge import Harm

_ABOUT = """\
# Behavior under faults

Faults of exchanges and networks, injected into every dataset of an account on four simulated
exchanges (Bybit, Binance, OKX, Kraken): {cells} syncs, each with one fault.

First, a sync without faults reads ten days of history. Then {hours} hours pass, new rows appear,
and one dataset (balances, positions, prices, orders, trades, transfers, funding, ledger, candles)
is synced while the fault is active: from the first request on, from a later one on, or for two
requests. Faults of rows are injected everywhere and at each endpoint separately, for the whole
sync; faults of fields for *every* field of every answer. The tables are then compared with the
simulator's own books, the fault ends, one more sync runs, and they are compared again.

| Must never happen | Times |
| --- | --- |
| A row is lost: it is still missing after the fault has ended and one more sync has run | {lost} |
| A row is stored twice, or with a wrong value | {false} |
| The newest snapshot lacks something that is there | {emptied} |
| A time is covered (`coverage.covered`) and a row in it is missing | {claimed} |
| A key, secret, passphrase or signature is in a table or a log | {secrets} |
| A failure is a bug: a traceback instead of a message that says what to do | {bugs} |

A sync ends in one of these ways. All but the first and `rejected` write a row to `sync_log` with a
message that says what happened and what to do next; they advance no coverage, and the newest
snapshot stays.

| Result | Meaning |
| --- | --- |
| good | the fault was retried, or made no difference |
| transient | a network or exchange failure; the next run tries again |
| throttled | still too many requests after waiting as requested |
| banned | no further request is sent; the account is left alone |
| permission | the key lacks a permission; what it may read was synced |
| credentials | the key needs to be fixed; the account is left alone |
| clock | this machine's time could not be corrected |
| rejected | a row cannot be read: it is in the table `rejected`, and its time stays a gap |
| unreadable | a field is missing or has a different form; the message names it and the endpoint |
| refused | an unknown error code; the message contains it |
| incomplete | the pages do not prove that nothing is missing |
| suspect | the exchange reports nothing where something is known to exist |

Faults that cannot be distinguished from the truth are not in the table: an empty answer of a list
that has never shown a row, a single answer among many that happens to be empty, a field that an
exchange leaves out at will (Kraken's `cl_ord_id` and `maker`).

`ALPHAPULSE_RELIABILITY=docs/reliability.md uv run pytest -m nightly -k every_bad_day` writes this
page. Each `uv run pytest` runs a part of it, and 200 syncs per exchange under random mixtures of
these faults (`test_soak.py`), which must end with correct tables too.

"""


@dataclass
class Tried:
    """How the syncs of one bad day ended on each exchange."""

    day: BadDay
    ends: dict[str, Counter[str]] = field(default_factory=dict)
    harm: Harm = field(default_factory=Harm)


def page(tried: Mapping[str, Tried], exchanges: tuple[str, ...], hours: int) -> str:
    harm = sum((one.harm for one in tried.values()), Harm())
    ends = [ends for one in tried.values() for ends in one.ends.values()]
    lost, false, emptied, claimed, secrets = astuple(harm)
    about = _ABOUT.format(
        cells=sum(sum(end.values()) for end in ends),
        bugs=sum(end["bug"] for end in ends),
        hours=hours,
        lost=lost,
        false=false,
        emptied=emptied,
        claimed=claimed,
        secrets=secrets,
    )
    names = " | ".join(exchange.capitalize() for exchange in exchanges).replace("Okx", "OKX")
    lines = [
        f"| Fault | What the pipeline does | {names} | Harm |",
        f"| --- | --- | {' | '.join('---' for _ in exchanges)} | --- |",
    ]
    for one in tried.values():
        reported = " | ".join(_endings(one.ends.get(exchange, Counter())) for exchange in exchanges)
        count = sum(astuple(one.harm))
        lines.append(f"| {one.day.name} | {one.day.answer} | {reported} | {count} |")
    return about + "\n".join(lines) + "\n"


def _endings(ends: Counter[str]) -> str:
    """Most frequent first, the good ones before all."""
    found = sorted(ends.items(), key=lambda item: (item[0] != "", -item[1], item[0]))
    return ", ".join(f"{count} {kind or 'good'}" for kind, count in found) or "-"
