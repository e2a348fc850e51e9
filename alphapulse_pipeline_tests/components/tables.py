"""Tables in the metadata of events and checks."""

from typing import Any

import dagster as dg


def lines(value: Any) -> list[str]:
    """The rows of a table, each as one text."""
    assert isinstance(value, dg.TableMetadataValue)
    return [" | ".join(map(str, record.data.values())) for record in value.records]
