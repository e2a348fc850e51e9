"""Bad days without end, at random: once they are over, the tables are the truth."""

from collections.abc import Callable, Iterator
from random import Random

import pytest

from alphapulse_pipeline.exchange import ccxt_client
from alphapulse_pipeline.sync import empty_snapshots
from alphapulse_pipeline_tests.sync.reliability.cells import Cells
from alphapulse_pipeline_tests.sync.reliability.judge import (
    assert_true,
    found_in,
    leaked_secrets,
)
from alphapulse_pipeline_tests.sync.reliability.scene import HOUR, listening
from exchange_simulator import EXCHANGES

Begin = Callable[[str], Cells]
MINUTE = HOUR // 60

_STRIKING = (
    "refuse",
    "reset",
    "reset=headers",
    "reset=body",
    "hang",
    "cut-body",
    "close-body",
    "bad-gzip",
    "html",
    "empty-body",
    "status=500",
    "status=502",
    "status=503",
    "status=504",
    "busy",
    "maintenance",
    "throttled",
    "throttled=2",
    "banned=60",
    "key=expired",
    "key=ip",
    "key=account",
    "key=orders",
    "key=positions",
    "key=wallet",
    "doubled",
    "shuffled",
    "previous",
)
FORGOTTEN = {f"{name} unfilled" for name in ("spot", "margin", "swap", "futures", "option")}
"""OKX keeps canceled orders without a fill for two hours: a longer outage loses them."""
TORN = b"""
SELECT stream FROM alphapulse.coverage WHERE (SELECT count(*) FROM unnest(covered)) > 1
"""
UNEXPLAINED = b"""
SELECT c.stream, c.covered, u.lost FROM alphapulse.coverage AS c
CROSS JOIN LATERAL (
    SELECT coalesce(range_agg(gap), '{}') AS lost FROM alphapulse.coverage_unreachable AS u
    WHERE u.account = c.account AND u.dataset = c.dataset AND u.stream = c.stream
) AS u
WHERE (SELECT count(*) FROM unnest(c.covered + u.lost)) > 1
"""
_FIELDS = ("missing", "nulled", "renamed", "retyped")


def _mixture(dice: Random, cells: Cells) -> Iterator[str]:
    """None to three faults, of the account as a whole or of an endpoint, at times or for ever."""
    for _ in range(dice.choice((0, 1, 1, 2, 3))):
        known = cells.known[dice.choice(list(cells.known))]
        path = dice.choice(("", "", *(f":{path}" for path in sorted(known.paths))))
        when = dice.choice(
            ("", "@10%", "@50%", f"@{dice.randint(2, 30)}-", f"*{dice.randint(1, 9)}")
        )
        match dice.randrange(8):
            case 0:
                # for as long as the sync lasts: one answer among many looks like the truth
                yield f"empty{path}"
            case 1 | 2:
                yield f"{dice.choice(_FIELDS)}={dice.choice(sorted(known.fields))}{path}{when}"
            case _:
                kind = dice.choice(_STRIKING)
                yield f"{kind}{'' if kind.startswith('key') else path}{when}"


@pytest.mark.parametrize(
    ("exchange", "rounds"),
    [
        ("kraken", 10),
        *(pytest.param(exchange, 200, marks=pytest.mark.nightly) for exchange in EXCHANGES),
    ],
)
def test_what_is_left_of_many_bad_days_is_the_truth(
    exchange: str, rounds: int, cells: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    dice = Random(f"{exchange} {rounds}")
    begun = cells(exchange)
    monkeypatch.setattr(ccxt_client, "_REQUEST_TIMEOUT_MS", 400)
    with listening() as lines:
        stage, db = begun.scene, begun.db
        ended: list[dict[str, str]] = []
        for _ in range(rounds):
            stage.clock.now += dice.randint(MINUTE, 2 * HOUR)
            stage.simulator.set_faults(*_mixture(dice, begun))
            ended.append(stage.sync(begun.url))
        assert not [ends for ends in ended if "bug" in ends.values()]
        stage.simulator.set_faults()
        stage.clock.now += MINUTE
        monkeypatch.setattr(ccxt_client, "_REQUEST_TIMEOUT_MS", 15_000)
        # what has really become empty meanwhile is accepted when it was reported a few times
        monkeypatch.setattr(empty_snapshots, "MIN_AGE", empty_snapshots.MIN_AGE * 0)
        for _ in range(empty_snapshots.RUNS):
            last = stage.sync(begun.url)
        assert set(last.values()) == {""}
        for dataset in stage.datasets:
            assert_true(stage, dataset, found_in(db, stage, dataset))
        gaps = "SELECT dataset, stream, gap, reason FROM alphapulse.coverage_gaps"
        assert db.execute(gaps.encode()).fetchall() == []
        assert {stream for (stream,) in db.execute(TORN).fetchall()} <= FORGOTTEN
        assert db.execute(UNEXPLAINED).fetchall() == []
        tables = ("sync_log", "coverage", "streams", "suspects", "keys", *stage.datasets)
        assert leaked_secrets(db, tables, lines) == 0
        # it was no good weather, and not always the same
        assert rounds // 5 < sum(set(ends.values()) != {""} for ends in ended) < rounds
