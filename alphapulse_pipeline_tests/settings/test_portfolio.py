"""A mistake in the portfolio's file is one line: file, line, field and fix."""

from pathlib import Path

import pytest

from alphapulse_pipeline.settings.deployment import read_deployment
from alphapulse_pipeline.settings.errors import SettingsError
from alphapulse_pipeline.settings.portfolio import PortfolioSettings, read_settings

GOOD = "type: alphapulse_pipeline.components.Portfolio\n\nattributes:\n  currency: EUR\n"


def written(folder: Path, text: str, name: str = "portfolio", file: str = "defs.yaml") -> None:
    (folder / name).mkdir()
    (folder / name / file).write_text(text)


def test_a_missing_field_has_its_default(tmp_path: Path) -> None:
    written(tmp_path, GOOD)
    written(tmp_path, "type: dagster.DefsFolderComponent\n", "a_custom_one")
    assert read_deployment(tmp_path).portfolio == PortfolioSettings(
        currency="EUR", cost_basis="fifo", across_accounts=False
    )


def test_it_need_not_be_deployed(tmp_path: Path) -> None:
    assert read_deployment(tmp_path).portfolio is None


def test_there_is_one(tmp_path: Path) -> None:
    written(tmp_path, GOOD, "one")
    written(tmp_path, GOOD, "two")
    found = read_deployment(tmp_path)
    assert found.portfolio is not None
    assert list(found.broken) == ["two"]
    assert "two/defs.yaml: there can be only one portfolio, and " in str(found.broken["two"])


def test_a_file_that_dagster_does_not_read_is_reported(tmp_path: Path) -> None:
    written(tmp_path, GOOD, file="defs.yml")
    error = read_deployment(tmp_path).broken["portfolio"]
    assert "defs.yml: Dagster does not read" in str(error)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (GOOD.replace("EUR", "usd"), ":4: attributes.currency: 'usd' is not an asset name; write"),
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
        read_settings(tmp_path / "portfolio" / "defs.yaml")
    message = str(raised.value)
    assert message.startswith(f"{tmp_path}/portfolio/defs.yaml:")
    assert sentence in message
    assert "\n" not in message
    assert raised.value.fix
