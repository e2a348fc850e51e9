"""Rounding and formatting of amounts."""

from decimal import Decimal

import pytest

from exchange_simulator.money import (
    plain,
    round_fee,
    whole_steps,
)


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("0.10", "0.1"),
        ("1E+3", "1000"),
        ("100", "100"),
        ("-0.00", "0"),
        ("0E-8", "0"),
        ("-2.50", "-2.5"),
        ("0.00000001", "0.00000001"),
    ],
)
def test_decimals_are_formatted_plainly(value: str, written: str) -> None:
    assert plain(Decimal(value)) == written


def test_fees_are_rounded_up_and_rebates_down() -> None:
    assert round_fee(Decimal("0.000000011")) == Decimal("0.00000002")
    assert round_fee(Decimal("-0.000000019")) == Decimal("-0.00000001")


def test_amounts_are_cut_to_whole_steps() -> None:
    assert whole_steps(Decimal("1.2999"), Decimal("0.01")) == Decimal("1.29")
