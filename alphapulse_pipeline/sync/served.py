"""How far back an exchange serves a list."""

from datetime import datetime, timedelta

from alphapulse_pipeline.exchange.feed import Feed


def oldest_served(feed: Feed, now: datetime) -> datetime | None:
    """The oldest time that the exchange serves; None: unlimited."""
    limits = (feed.begins, since(now, feed.horizon) if feed.horizon else None)
    return max((limit for limit in limits if limit), default=None)


def since(now: datetime, retention: timedelta) -> datetime:
    """With a margin, since the limit advances while pages are read."""
    return now - retention + min(timedelta(hours=1), retention / 4)


def limit_in_words(feed: Feed, oldest: datetime) -> str:
    """Why the exchange serves nothing before `oldest`."""
    served = f"since {feed.begins:%Y-%m-%d}" if oldest == feed.begins else _words(feed.horizon)
    return f"the exchange serves only {served}"


def _words(retention: timedelta | None) -> str:
    if retention is None:
        raise AssertionError("a feed without a beginning has a retention")
    hours = retention // timedelta(hours=1)
    return f"{hours} hours" if hours < 24 else f"{retention.days} days"
