"""What an exchange has sent does not move the terminal's cursor."""

import pytest

from alphapulse_pipeline.cli import output


def test_escape_sequences_do_not_reach_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    output.stdout.cache_clear()
    output.print_table(["symbol"], [["\x1b[2J\x1b]0;owned\x07A\u202eB"]])
    printed = capsys.readouterr().out
    assert "\\u001b[2J" in printed
    assert not [c for c in printed if ord(c) < 32 and c != "\n"]
    assert "\u202e" not in printed


def test_counts_are_grouped_in_a_terminal_only(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for colors, printed in (("", "12168  4086"), ("1", "12,168  4086")):
        monkeypatch.setenv("FORCE_COLOR", colors)
        output.stdout.cache_clear()
        output.print_table(["rows", "id"], [[12168, 4086]], counts=["rows"])
        assert printed in capsys.readouterr().out
    output.stdout.cache_clear()
