"""Kraken's answers when it is overloaded or down (documentation: "Spot Error Messages")."""

from starlette.responses import Response

from exchange_simulator.kraken.answers import (
    BUSY,
    LOCKOUT,
    RATE_LIMIT,
    UNAVAILABLE,
    refused,
)
from exchange_simulator.outages import OutageAnswer, Outages


def _says(error: str) -> OutageAnswer:
    def trouble(now: int, wait: int) -> Response:
        return refused(error)

    return trouble


OUTAGES = Outages(_says(RATE_LIMIT), _says(LOCKOUT), _says(BUSY), _says(UNAVAILABLE))
