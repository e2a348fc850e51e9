"""A reading that was correct at some moment of its seconds is no break; a lost entry always is."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from alphapulse_pipeline.portfolio.settlement import Reading, Verdict, Window, settle

NOTHING = Reading()
BAND = 3
"""How long before or after its time a reading may have been correct."""


@dataclass(frozen=True)
class Life:
    """What happened when, and when the balance was read: at `at`, true at the moment `true_at`."""

    entries: Sequence[tuple[int, Decimal]]
    readings: Sequence[tuple[int, int]]

    def balance(self, moment: int) -> Decimal:
        return sum((amount for at, amount in self.entries if at <= moment), Decimal(0))

    def windows(self, lost: tuple[int, Decimal] | None = None) -> list[Window]:
        """As read from the tables, which may miss one entry."""
        known = [entry for entry in self.entries if entry != lost]
        differences = []
        for (before, true_before), (at, true_at) in zip(
            self.readings, self.readings[1:], strict=False
        ):
            booked = sum((amount for when, amount in known if before < when <= at), Decimal(0))
            differences.append(self.balance(true_at) - self.balance(true_before) - booked)
        seconds = [_reading(known, at) for at, _ in self.readings]
        return [
            Window(
                difference,
                seconds[place],
                seconds[place + 1],
                (differences[place + 1], seconds[place + 2])
                if place + 1 < len(differences)
                else None,
            )
            for place, difference in enumerate(differences)
            if difference
        ]


def _reading(entries: Sequence[tuple[int, Decimal]], at: int) -> Reading:
    return Reading(
        [amount for when, amount in reversed(entries) if at - BAND < when <= at],
        [amount for when, amount in entries if at < when <= at + BAND],
    )


amounts = st.sampled_from([Decimal(n) / 4 for n in (-9, -4, -1, 1, 2, 5, 8)])


@st.composite
def lives(draw: st.DrawFn) -> Life:
    times = sorted(draw(st.sets(st.integers(0, 200), max_size=40)))
    entries = [(at, draw(amounts)) for at in times]
    moments = sorted(draw(st.sets(st.integers(1, 20), min_size=2)))
    readings = [(at * 10, at * 10 + draw(st.integers(1 - BAND, BAND))) for at in moments]
    return Life(entries, readings)


@given(lives())
def test_a_correct_reading_is_never_a_break(life: Life) -> None:
    assert [v for v in settle(life.windows()) if v.state not in ("reconciled", "pending")] == []


@given(lives())
def test_a_reconciled_window_has_no_residual(life: Life) -> None:
    assert all(v.residual == 0 for v in settle(life.windows()) if v.state == "reconciled")


@given(lives())
def test_windows_can_be_classified_piece_by_piece(life: Life) -> None:
    """Starting after any window whose reading has a known offset."""
    windows = life.windows()
    whole = list(settle(windows))
    for place, verdict in enumerate(whole):
        if verdict.carried is not None:
            assert list(settle(windows[place + 1 :], verdict.carried)) == whole[place + 1 :]


@given(lives(), st.data())
def test_a_lost_entry_is_a_break(life: Life, data: st.DataObject) -> None:
    """Where no reading was near it, in its own window, by what it moved, and nowhere else."""
    start, end = life.readings[0][0], life.readings[-1][0]
    alone = [
        (at, amount)
        for at, amount in life.entries
        if start < at <= end and all(abs(at - moment) > 2 * BAND for moment, _ in life.readings)
    ]
    quiet = Life(alone, [(at, at) for at, _ in life.readings])
    if not alone:
        return
    lost = data.draw(st.sampled_from(alone))
    assert list(settle(quiet.windows(lost))) == [
        Verdict(lost[1], "break", "the histories do not explain it")
    ]


def test_an_entry_that_one_reading_lacks_is_in_the_next() -> None:
    one = Decimal(1)
    late = Window(-one, NOTHING, Reading(before=[one]), (one, NOTHING))
    caught_up = Window(one, Reading(before=[one]), NOTHING, None)
    assert [v.state for v in settle([late, caught_up])] == ["reconciled", "reconciled"]


def test_an_entry_that_one_reading_has_early_must_not_come_again() -> None:
    one = Decimal(1)
    early = Window(one, NOTHING, Reading(after=[one]), (Decimal(0), NOTHING))
    assert [v.state for v in settle([early])] == ["break"]


def test_a_failed_withdrawal_may_be_refunded_at_an_unknown_time() -> None:
    two = Decimal(2)
    gone = Window(-two, NOTHING, Reading(in_transit=[two]), (Decimal(0), Reading(in_transit=[two])))
    back = Window(two, Reading(in_transit=[two]), Reading(in_transit=[two]), (Decimal(0), NOTHING))
    assert [v.state for v in settle([gone, back])] == ["reconciled", "reconciled"]


def test_the_newest_reading_waits_for_the_next_one() -> None:
    """Where something happened in its seconds that does not explain it."""
    window = Window(Decimal(3), NOTHING, Reading(after=[Decimal(1)]), None)
    assert [v.state for v in settle([window])] == ["pending"]
    decided = Window(Decimal(3), NOTHING, Reading(after=[Decimal(1)]), (Decimal(0), NOTHING))
    assert [v.state for v in settle([decided])] == ["break"]


def test_a_history_that_is_not_synced_is_pending_and_one_that_is_lost_unverifiable() -> None:
    waiting = Window(Decimal(1), NOTHING, NOTHING, None, missing="trades are known up to noon")
    assert list(settle([waiting])) == [
        Verdict(Decimal(1), "pending", "trades are known up to noon")
    ]
    unknown = Window(Decimal(1), NOTHING, NOTHING, None, unverifiable="there is no ledger")
    assert list(settle([unknown])) == [Verdict(Decimal(1), "unverifiable", "there is no ledger")]
