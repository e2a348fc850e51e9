"""What an exchange has forgotten: for how long it serves each history."""

from collections.abc import Mapping

from exchange_simulator.records import Order

Kept = Mapping[str, int]
"""Milliseconds by dataset; see `Face.kept`."""


def kept_for(kept: Kept, dataset: str, wallet: str) -> int | None:
    """Milliseconds; None: for ever."""
    return kept.get(f"{dataset}:{wallet}", kept.get(dataset))


def is_forgotten(kept: Kept, order: Order, at: int) -> bool:
    """Whether the exchange has stopped to tell of an order; it tells of all that rest."""
    if order.ended_at is None or order.ended_at > at:
        return False
    longest = kept_for(kept, "orders", order.wallet)
    if longest is not None and order.created_at < at - longest:
        return True
    unfilled = kept_for(kept, "unfilled", order.wallet)
    if unfilled is None or order.ended_at >= at - unfilled:
        return False
    return not any(fill.happened_at <= at for fill in order.fills)
