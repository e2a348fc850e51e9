"""Stored rows whose key the exchange has now returned with another time.

Either the exchange has corrected a row's time, or two rows have one id, and one has replaced the
other. What it lists at both times in the next run says which: until then the replaced row is
rejected, and both times are gaps.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from operator import itemgetter

from alphapulse_pipeline.datasets import History
from alphapulse_pipeline.warehouse.batches import Batch, Moved, Rejection, TimeRange
from alphapulse_pipeline.warehouse.rejected import rejection

_MOST = 20
"""Rows of a stream whose times are read one by one, since each costs a request in every run."""
_MOMENT = timedelta(milliseconds=1)


def replaced(history: History, batch: Batch, moved: Sequence[Moved]) -> Iterator[Rejection]:
    """The rows that the rows of a batch have replaced, with their gaps."""
    names = history.key[1:]
    key_of = itemgetter(*names)
    listed = {
        key_of(row): (stream, row[history.time])
        for row, stream in zip(batch.rows, batch.streams, strict=bool(batch.streams))
    }
    of_streams: defaultdict[str, list[tuple[Moved, datetime]]] = defaultdict(list)
    for row in moved:
        if row.key in listed:
            stream, now = listed[row.key]
            of_streams[stream].append((row, now))
    for stream, rows in of_streams.items():
        times = [time for row, now in rows for time in (row.time, now)]
        all_between = (TimeRange(min(times), max(times) + _MOMENT),)
        for row, now in rows:
            key = ", ".join(f"{name} {value}" for name, value in zip(names, row.key, strict=True))
            yield rejection(
                stream,
                row.raw,
                f"the exchange returned different rows with the same key: {key}; "
                f"the other one is of {now:%Y-%m-%d %H:%M:%S} UTC",
                row.time,
                all_between if len(rows) > _MOST else (_moment(row.time), _moment(now)),
            )


def _moment(time: datetime) -> TimeRange:
    start = time.replace(microsecond=time.microsecond // 1000 * 1000)
    return TimeRange(start, start + _MOMENT)
