"""`dg scaffold defs alphapulse_pipeline.components.ExchangeAccount NAME --exchange EXCHANGE`."""

from datetime import UTC, datetime

import dagster as dg
from pydantic import BaseModel, Field

from alphapulse_pipeline.settings.accounts import settings_of


class AccountParameters(BaseModel):
    """The options of the command."""

    exchange: str = Field(description="The exchange's id in ccxt, e.g. bybit.")
    history_start: str = Field(
        default_factory=lambda: f"{datetime.now(UTC).year}-01-01",
        description="First day of history to load. Default: January 1 of this year.",
    )


class AccountScaffolder(dg.Scaffolder[AccountParameters]):
    """Writes a file that loads. Raises `SettingsError` for a mistake in the options."""

    @classmethod
    def get_scaffold_params(cls) -> type[AccountParameters]:
        return AccountParameters

    def scaffold(self, request: dg.ScaffoldRequest[AccountParameters]) -> None:
        attributes = request.params.model_dump()
        settings_of(attributes)
        dg.scaffold_component(request, attributes)
