"""The Kraken face: a spot account behind the Spot REST API (version 0), read-only.

Paths, parameters, fields, limits and errors follow Kraken's public documentation
(docs.kraken.com/api); each module names its pages.
"""

from exchange_simulator.face import Face
from exchange_simulator.kraken import names
from exchange_simulator.kraken.answers import refusal
from exchange_simulator.kraken.endpoints import routes
from exchange_simulator.kraken.rows import ROWS
from exchange_simulator.kraken.troubles import TROUBLES

FACE = Face(
    exchange="kraken",
    routes=routes,
    names=names,
    refusal=refusal,
    troubles=TROUBLES,
    rows=ROWS,
    paging=frozenset({"ofs", "cursor"}),
    key_header="api-key",
    unserved=frozenset({"funding"}),
    whole_seconds=frozenset({"transfers"}),
    order_status=names.order_status,
)

__all__ = ["FACE"]
