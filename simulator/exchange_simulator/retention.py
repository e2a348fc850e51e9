"""How long an exchange serves each history."""

from collections.abc import Mapping

from exchange_simulator.records import Order

Retention = Mapping[str, int]
"""Milliseconds by dataset; see `SimulatedExchange.retention`."""


def retention_of(retention: Retention, dataset: str, wallet: str) -> int | None:
    """Retention in milliseconds; None: forever."""
    return retention.get(f"{dataset}:{wallet}", retention.get(dataset))


def is_expired(retention: Retention, order: Order, at: int) -> bool:
    """Whether the exchange no longer serves an order; open orders never expire."""
    if order.ended_at is None or order.ended_at > at:
        return False
    longest = retention_of(retention, "orders", order.wallet)
    if longest is not None and order.created_at < at - longest:
        return True
    unfilled = retention_of(retention, "unfilled", order.wallet)
    if unfilled is None or order.ended_at >= at - unfilled:
        return False
    return not any(fill.happened_at <= at for fill in order.fills)
