"""The Kraken face: a spot account behind the Spot REST API (version 0), read-only.

Paths, parameters, fields, limits and errors follow Kraken's public documentation
(docs.kraken.com/api); each module names its pages.
"""

from alphapulse_pipeline.simulator.face import Face
from alphapulse_pipeline.simulator.kraken import names
from alphapulse_pipeline.simulator.kraken.answers import refusal
from alphapulse_pipeline.simulator.kraken.endpoints import routes
from alphapulse_pipeline.simulator.kraken.rows import ROWS
from alphapulse_pipeline.simulator.kraken.troubles import TROUBLES

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
