"""Local exchanges that speak the real protocols.

`World` is what happens in an account, `serve` and `run` put it behind a server that clients of the
real exchange can talk to unchanged, and `/__truth` tells what they must have understood.
"""

from exchange_simulator.faces import FACES
from exchange_simulator.faults import Fault, parse_fault
from exchange_simulator.keys import (
    ALL_SCOPES,
    DEMO_KEY,
    DEMO_PASSPHRASE,
    DEMO_SECRET,
    Key,
)
from exchange_simulator.quirks import Quirks
from exchange_simulator.server import Simulator, run, serve
from exchange_simulator.world import World

__all__ = [
    "ALL_SCOPES",
    "DEMO_KEY",
    "DEMO_PASSPHRASE",
    "DEMO_SECRET",
    "FACES",
    "Fault",
    "Key",
    "Quirks",
    "Simulator",
    "World",
    "parse_fault",
    "run",
    "serve",
]
