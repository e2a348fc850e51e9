"""Portfolio settings: the `attributes` of `defs/portfolio/defs.yaml`."""

import re
from decimal import Decimal
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from alphapulse_pipeline.settings import component_file
from alphapulse_pipeline.settings.errors import FieldError

_ASSET = re.compile(r"[A-Z][A-Z0-9]{1,9}\Z")
CostBasis = Literal["fifo", "lifo", "hifo", "average"]


class PortfolioSettings(BaseModel):
    """Reporting currency, cost basis and price tolerance. The component's attributes are these."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    currency: str = Field("USD", description="Reporting currency of all values, e.g. USD.")
    cost_basis: CostBasis = Field(
        "fifo", description="Which lots a sale closes first: fifo, lifo, hifo or average."
    )
    across_accounts: bool = Field(
        False, description="Match sales against lots bought in any account, not only the same one."
    )
    price_tolerance: Decimal = Field(
        Decimal(5),
        ge=0,
        description="By how many percent two sources of one price may differ before the value "
        "counts as uncertain.",
    )

    @field_validator("currency")
    @classmethod
    def _asset_name(cls, value: str) -> str:
        if not _ASSET.match(value):
            raise FieldError(
                f"{value!r} is not an asset name", "write it as exchanges do, e.g. USD"
            )
        return value


def read_settings(path: Path) -> PortfolioSettings | None:
    """A file's settings, or None if it belongs to a different component. Raises `SettingsError`."""
    file = component_file.read(path)
    return file.attributes(PortfolioSettings) if file.kind == component_file.PORTFOLIO else None
