"""Walking a history: pages, each with the time that it proves complete.

Exchanges page in a few ways, and each loses rows in a way of its own. A walk yields pages whose
ranges together are all that was asked for, or raises `Incomplete`: there is no third way out.

* `Cursor`: newest first, each page names the next older one.
* `FromId`: oldest first, by ids that rise.
* `Counted`: newest first, by an offset, with a count of all rows as the proof.
* `Windows`: nothing but a time window, cut off at a size that nobody tells.
* `Whole`: everything in one answer, by its nature.
"""

from alphapulse_pipeline.exchange.walker.counted import Counted
from alphapulse_pipeline.exchange.walker.cursor import Cursor
from alphapulse_pipeline.exchange.walker.ids import FromId
from alphapulse_pipeline.exchange.walker.whole import Whole
from alphapulse_pipeline.exchange.walker.windows import Windows

__all__ = ["Counted", "Cursor", "FromId", "Whole", "Windows"]
