"""Candles: what a market closed at, day by day."""

from datetime import timedelta

from alphapulse_pipeline.datasets.dataset import History, Place, Structure, history_columns
from alphapulse_pipeline.datasets.table import MARKET, key, numeric, timestamp
from alphapulse_pipeline.datasets.values import Row, moment, number

_DAY = timedelta(days=1)
_MIDNIGHT = "the exchange's days do not begin at 00:00 UTC"


def _row(candle: Structure, place: Place) -> Row:
    opened_at = moment(candle["timestamp"])
    if (opened_at.hour, opened_at.minute, opened_at.second, opened_at.microsecond) != (0, 0, 0, 0):
        raise ValueError(f"{_MIDNIGHT}: a candle opened at {opened_at:%Y-%m-%d %H:%M:%S}")
    return {
        "market": place.market,
        "day": f"{opened_at:%Y-%m-%d}",
        "opened_at": opened_at,
        "close": number(candle.get("close")),
        "raw": candle["info"],
    }


CANDLES = History(
    name="candles",
    comment="What the markets that price the account's assets closed at, day by day.",
    description="Daily closes of the spot markets that price what the account ever held, from "
    "`history_start` on. Only days that are over. Partitioned by the day of `opened_at`.",
    columns=history_columns(
        key("market", MARKET),
        key("day", "The day in UTC, e.g. 2026-01-31."),
        timestamp("opened_at", "When the day began: 00:00 UTC.", nullable=False),
        numeric("close", "The last price of the day, in the quote currency.", nullable=False),
    ),
    time="opened_at",
    id="day",
    row=_row,
    identity=("market",),
    import_match=("market", "day"),
    period=_DAY,
    affects_balances=False,  # nothing moves
)
