"""The page of bad days: what was tried, how it ended, what it did to the tables."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import astuple, dataclass, field

from alphapulse_pipeline_tests.sync.reliability.faults import BadDay
from alphapulse_pipeline_tests.sync.reliability.judge import Harm

_ABOUT = """\
# Bad days

What exchanges and networks do on a bad day, done on purpose to every dataset of an account on the
simulator's four faces (Bybit, Binance, OKX, Kraken): {cells} syncs, each with one fault.

Before each of them a good sync has read ten days of history. Then {hours} hours pass, new rows
appear, and one dataset (balances, positions, prices, orders, trades, transfers, funding, ledger) is
synced while the fault strikes: from the first request on, from a later one on, or twice; faults of
rows everywhere and at each endpoint by itself, for as long as the sync lasts; faults of fields for
*every* field of every answer. The tables are then compared with the simulator's own books, the
fault ends, one more sync is done, and they are compared again.

| what must not happen | times |
| --- | --- |
| a row is lost: it is not there once the fault is over and one more sync was done | {lost} |
| a row is stored twice, or with a value that is not true | {false} |
| a newest snapshot lacks what is there | {emptied} |
| a time is said to be complete (`coverage.covered`) and a row of it is missing | {claimed} |
| a key, a secret, a passphrase or a signature in a table or in a log | {secrets} |
| a failure is a bug: a traceback, and not a sentence with what to do next | {bugs} |

A sync ends in one of these ways. All but the first write a row to `sync_log` with one sentence that
says what happened and what to do next; they move no coverage, and the newest snapshot stays.

| | |
| --- | --- |
| good | in spite of the fault: it was retried, or it does not matter |
| transient | the network or the exchange; the next run tries again |
| throttled | still too many requests after waiting as told |
| banned | nothing more is asked; the account is left alone |
| credentials | the key must be mended; the account is left alone |
| clock | this machine's time could not be put right |
| unreadable | the answer lacks a field, or has it in another form; the line names both |
| refused | an error code that is not known here; the line has it |
| incomplete | the pages do not prove that nothing is missing |
| suspect | it is said that nothing is there, where something is known to be |

What cannot be told from the truth is not in the table: a list that has never shown a row and is
answered empty, one answer among many that is empty by chance, a field that an exchange leaves out
at will (Kraken's `cl_ord_id` and `maker`).

`ALPHAPULSE_RELIABILITY=docs/reliability.md uv run pytest -m nightly -k every_bad_day` writes this
page. A part of it is tried by every `uv run pytest`; 200 syncs on each face under random mixtures
of these faults (`test_soak.py`) end in the truth, too.

"""


@dataclass
class Tried:
    """How the syncs of one bad day ended on each face."""

    day: BadDay
    ends: dict[str, Counter[str]] = field(default_factory=dict)
    harm: Harm = field(default_factory=Harm)


def page(tried: Mapping[str, Tried], faces: tuple[str, ...], hours: int) -> str:
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
    names = " | ".join(face.capitalize() for face in faces).replace("Okx", "OKX")
    lines = [
        f"| the fault | what the pipeline does | {names} | harm |",
        f"| --- | --- | {' | '.join('---' for _ in faces)} | --- |",
    ]
    for one in tried.values():
        told = " | ".join(_told(one.ends.get(face, Counter())) for face in faces)
        count = sum(astuple(one.harm))
        lines.append(f"| {one.day.name} | {one.day.answer} | {told} | {count} |")
    return about + "\n".join(lines) + "\n"


def _told(ends: Counter[str]) -> str:
    """Most frequent first, the good ones before all."""
    found = sorted(ends.items(), key=lambda item: (item[0] != "", -item[1], item[0]))
    return ", ".join(f"{count} {kind or 'good'}" for kind, count in found) or "-"
