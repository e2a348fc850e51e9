"""A mistake in the portfolio's file is one line: file, line, field, and how to mend it."""

from pathlib import Path

import pytest

from alphapulse_pipeline.settings.errors import SettingsError
from alphapulse_pipeline.settings.portfolio import PortfolioSettings, read_portfolio

GOOD = "type: alphapulse_pipeline.components.Portfolio\n\nattributes:\n  currency: EUR\n"


def written(folder: Path, text: str, name: str = "portfolio", file: str = "defs.yaml") -> None:
    (folder / name).mkdir()
    (folder / name / file).write_text(text)


def test_what_is_not_told_has_a_default(tmp_path: Path) -> None:
    written(tmp_path, GOOD)
    written(tmp_path, "type: dagster.DefsFolderComponent\n", "somebodys_own")
    assert read_portfolio(tmp_path) == PortfolioSettings(
        currency="EUR", cost_basis="fifo", across_accounts=False
    )


def test_it_need_not_be_deployed(tmp_path: Path) -> None:
    assert read_portfolio(tmp_path) is None


def test_there_is_one(tmp_path: Path) -> None:
    written(tmp_path, GOOD, "one")
    written(tmp_path, GOOD, "two")
    with pytest.raises(SettingsError, match=r"one/defs\.yaml and .*two/defs\.yaml: there is one"):
        read_portfolio(tmp_path)


def test_a_file_that_nobody_reads_is_told(tmp_path: Path) -> None:
    written(tmp_path, GOOD, file="defs.yml")
    with pytest.raises(SettingsError, match=r"defs\.yml: nobody reads this file"):
        read_portfolio(tmp_path)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (GOOD.replace("EUR", "usd"), ":4: attributes.currency: 'usd' is no asset's name: write"),
        (GOOD.replace("EUR", "12"), ":4: attributes.currency: "),
        (
            GOOD + "  cost_bases: lifo\n",
            ":5: attributes.cost_bases: unknown field; did you mean 'cost_basis'?",
        ),
        (
            GOOD + "  cost_basis: fifoo\n",
            ":5: attributes.cost_basis: Input should be 'fifo', 'lifo', 'hifo' or 'average'",
        ),
        (GOOD + "  across_accounts: perhaps\n", ":5: attributes.across_accounts: Input should be"),
        (GOOD + "  currency: [\n", ":6: not valid YAML: "),
        (
            GOOD.replace("Portfolio", "Portfolo"),
            ":1: type: no component 'alphapulse_pipeline.components.Portfolo'; did you mean",
        ),
    ],
)
def test_a_mistake_is_one_line(tmp_path: Path, text: str, sentence: str) -> None:
    written(tmp_path, text)
    with pytest.raises(SettingsError) as raised:
        read_portfolio(tmp_path)
    told = str(raised.value)
    assert told.startswith(f"{tmp_path}/portfolio/defs.yaml:")
    assert sentence in told
    assert "\n" not in told
