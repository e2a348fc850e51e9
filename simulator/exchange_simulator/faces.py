"""The faces that there are, by exchange. All are served side by side: their paths differ."""

from collections.abc import Mapping
from types import MappingProxyType

from exchange_simulator import binance, bybit, kraken, okx
from exchange_simulator.face import Face

_FACES = (
    binance.FACE,
    bybit.FACE,
    kraken.FACE,
    okx.FACE,
)

FACES: Mapping[str, Face] = MappingProxyType({face.exchange: face for face in _FACES})
