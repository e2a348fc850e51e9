"""Local exchanges that serve the real APIs.

`World` simulates an account. `serve` and `run` put it behind an HTTP server that unmodified clients
of the real exchanges can use. `/__truth` returns what a client must have read.
"""

from exchange_simulator.exchanges import EXCHANGES
from exchange_simulator.faults import Fault, parse_fault
from exchange_simulator.keys import (
    ALL_SCOPES,
    DEMO_KEY,
    DEMO_PASSPHRASE,
    DEMO_SECRET,
    Key,
)
from exchange_simulator.server import Simulator, run, serve
from exchange_simulator.sub_accounts import SubAccount
from exchange_simulator.timing import Timing
from exchange_simulator.traffic import Traffic
from exchange_simulator.world import World

__all__ = [
    "ALL_SCOPES",
    "DEMO_KEY",
    "DEMO_PASSPHRASE",
    "DEMO_SECRET",
    "EXCHANGES",
    "Fault",
    "Key",
    "Simulator",
    "SubAccount",
    "Timing",
    "Traffic",
    "World",
    "parse_fault",
    "run",
    "serve",
]
