"""Local exchanges that speak the real protocols.

`World` is what happens in an account, `serve` and `run` put it behind a server that clients of the
real exchange can talk to unchanged, and `/__truth` tells what they must have understood.
"""

from alphapulse_pipeline.simulator.faces import FACES
from alphapulse_pipeline.simulator.faults import Fault, parse_fault
from alphapulse_pipeline.simulator.keys import (
    ALL_SCOPES,
    DEMO_KEY,
    DEMO_PASSPHRASE,
    DEMO_SECRET,
    Key,
)
from alphapulse_pipeline.simulator.quirks import Quirks
from alphapulse_pipeline.simulator.server import Simulator, run, serve
from alphapulse_pipeline.simulator.world import World

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
