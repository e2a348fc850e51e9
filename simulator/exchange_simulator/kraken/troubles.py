"""How Kraken says that it cannot answer now (documentation: "Spot Error Messages")."""

from starlette.responses import Response

from exchange_simulator.kraken.answers import (
    BUSY,
    LOCKOUT,
    RATE_LIMIT,
    UNAVAILABLE,
    refused,
)
from exchange_simulator.troubles import Trouble, Troubles


def _says(error: str) -> Trouble:
    def trouble(now: int, wait: int) -> Response:
        return refused(error)

    return trouble


TROUBLES = Troubles(_says(RATE_LIMIT), _says(LOCKOUT), _says(BUSY), _says(UNAVAILABLE))
