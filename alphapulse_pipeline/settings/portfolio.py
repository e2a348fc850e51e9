"""How the portfolio is reckoned: the `attributes` of `defs/portfolio/defs.yaml`."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

CostBasis = Literal["fifo", "lifo", "hifo", "average"]


class PortfolioSettings(BaseModel):
    """What everything is told in, and which of the things bought is sold first."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    currency: str = Field(
        "USD", pattern=r"^[A-Z][A-Z0-9]{1,9}$", description="What values are told in, e.g. USD."
    )
    cost_basis: CostBasis = Field("fifo", description="fifo, lifo, hifo or average.")
    across_accounts: bool = Field(
        False, description="Whether what one account bought may be what another one sells."
    )
