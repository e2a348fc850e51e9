"""Column constructors for the operational tables."""

from typing import Any

from sqlalchemy import (
    Column,
    MetaData,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import TIMESTAMP

from alphapulse_pipeline.datasets import SCHEMA

metadata = MetaData(schema=SCHEMA)


def key_column(name: str, comment: str) -> Column[Any]:
    return Column(
        name, Text, primary_key=True, nullable=False, server_default=text("''"), comment=comment
    )


def text_column(name: str, comment: str, *, nullable: bool = True) -> Column[Any]:
    return Column(name, Text, nullable=nullable, comment=comment)


def time_column(
    name: str, comment: str, *, nullable: bool = True, key: bool = False
) -> Column[Any]:
    return Column(
        name,
        TIMESTAMP(timezone=True),
        nullable=nullable and not key,
        primary_key=key,
        comment=comment,
    )


ACCOUNT = "The account: the name of its folder under defs/."
