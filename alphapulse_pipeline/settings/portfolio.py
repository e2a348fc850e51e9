"""How the portfolio is reckoned: the `attributes` of `defs/portfolio/defs.yaml`."""

import re
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from alphapulse_pipeline.settings import component_file
from alphapulse_pipeline.settings.component_file import DEFS, component_files
from alphapulse_pipeline.settings.errors import SettingsError

_ASSET = re.compile(r"[A-Z][A-Z0-9]{1,9}\Z")
CostBasis = Literal["fifo", "lifo", "hifo", "average"]


class PortfolioSettings(BaseModel):
    """What everything is told in, and which of the things bought is sold first."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    currency: str = Field("USD", description="What values are told in, e.g. USD.")
    cost_basis: CostBasis = Field("fifo", description="fifo, lifo, hifo or average.")
    across_accounts: bool = Field(
        False, description="Whether what one account bought may be what another one sells."
    )

    @field_validator("currency")
    @classmethod
    def _an_assets_name(cls, value: str) -> str:
        if not _ASSET.match(value):
            raise ValueError(f"{value!r} is no asset's name: write it as exchanges do, e.g. USD")
        return value


def read_portfolio(folder: Path = DEFS) -> PortfolioSettings | None:
    """How it is reckoned; None where it is not deployed. Raises `SettingsError`: file and mend."""
    found = {
        path: settings for path in component_files(folder) if (settings := read_settings(path))
    }
    if len(found) > 1:
        files = " and ".join(component_file.shown(path) for path in found)
        raise SettingsError(f"{files}: there is one portfolio of all accounts: remove the others")
    return next(iter(found.values()), None)


def read_settings(path: Path) -> PortfolioSettings | None:
    """What a file says; None where it is another component's. Raises `SettingsError`."""
    file = component_file.read(path)
    return file.attributes(PortfolioSettings) if file.kind == component_file.PORTFOLIO else None
