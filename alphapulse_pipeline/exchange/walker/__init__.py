"""Walkers read a history page by page, each page with the time range that it proves complete.

Exchanges page in a few styles, each with its own way of losing rows. A walk either yields pages
whose ranges add up to the requested range, or raises `Incomplete`.

* `Cursor`: newest first; each page has a cursor to the next older one.
* `FromId`: oldest first, by ascending ids.
* `FromIdOrWindows`: the same, where the page leaves open whether ids reach back.
* `Counted`: by offset, usually newest first; the count of all rows is the proof.
* `Windows`: only a time window; an answer as large as a page may be truncated.
* `Whole`: everything in one answer.
* `Numbered`: everything that there is now, in numbered pages.
* `Uncounted`: the same, without a count.
* `RecentlyEnded`: everything that has ended recently, whenever it began.

`Final` leaves what is still in process out of the pages of another walker; `Enriched` completes
their rows with a second request.
"""

from alphapulse_pipeline.exchange.walker.counted import Counted
from alphapulse_pipeline.exchange.walker.cursor import Cursor
from alphapulse_pipeline.exchange.walker.ended import RecentlyEnded
from alphapulse_pipeline.exchange.walker.final import Final
from alphapulse_pipeline.exchange.walker.ids import FromId
from alphapulse_pipeline.exchange.walker.ids_or_windows import FromIdOrWindows
from alphapulse_pipeline.exchange.walker.numbered import Numbered
from alphapulse_pipeline.exchange.walker.uncounted import Uncounted
from alphapulse_pipeline.exchange.walker.whole import Whole
from alphapulse_pipeline.exchange.walker.windows import Windows

__all__ = [
    "Counted",
    "Cursor",
    "Final",
    "FromId",
    "FromIdOrWindows",
    "Numbered",
    "RecentlyEnded",
    "Uncounted",
    "Whole",
    "Windows",
]
