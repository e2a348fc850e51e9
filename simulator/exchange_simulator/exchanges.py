"""All simulated exchanges, by name. One server serves all of them: their paths do not overlap."""

from collections.abc import Mapping
from types import MappingProxyType

from exchange_simulator import binance, bybit, kraken, okx
from exchange_simulator.simulated_exchange import SimulatedExchange

_ALL = (
    bybit.EXCHANGE,
    binance.EXCHANGE,
    kraken.EXCHANGE,
    okx.EXCHANGE,
)

EXCHANGES: Mapping[str, SimulatedExchange] = MappingProxyType(
    {exchange.name: exchange for exchange in _ALL}
)
