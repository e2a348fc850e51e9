"""The kinds of columns that tables are made of, and the schema that they are in.

Amounts are `NUMERIC` without a scale: what the exchange said, to the last digit. Times are
`TIMESTAMPTZ`. Parts of a key are `NOT NULL DEFAULT ''`, so that a key never contains a NULL that
would let a row in twice.
"""

from typing import Any

from sqlalchemy import (
    Column,
    MetaData,
    Numeric,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP

SCHEMA = "alphapulse"
metadata = MetaData(schema=SCHEMA)


def key_part(name: str, comment: str) -> Column[Any]:
    return Column(
        name, Text, primary_key=True, nullable=False, server_default=text("''"), comment=comment
    )


def words(name: str, comment: str, *, nullable: bool = True) -> Column[Any]:
    return Column(name, Text, nullable=nullable, comment=comment)


def amount(name: str, comment: str, *, nullable: bool = True) -> Column[Any]:
    return Column(name, Numeric, nullable=nullable, comment=comment)


def moment(name: str, comment: str, *, nullable: bool = True, key: bool = False) -> Column[Any]:
    return Column(
        name,
        TIMESTAMP(timezone=True),
        nullable=nullable and not key,
        primary_key=key,
        comment=comment,
    )


def provenance() -> tuple[Column[Any], ...]:
    """What every row of a history carries besides its facts."""
    return (
        Column("raw", JSONB, nullable=False, comment="The exchange's own JSON, whole."),
        Column(
            "origin",
            Text,
            nullable=False,
            server_default=text("'api'"),
            comment="Where the row came from: api or import.",
        ),
        words("run_id", "The Dagster run that wrote the row last.", nullable=False),
        Column(
            "recorded_at",
            TIMESTAMP(timezone=True),
            nullable=False,
            server_default=text("clock_timestamp()"),
            comment="When the row was written last.",
        ),
    )


ACCOUNT = "The account: the name of its folder under defs/."
WALLET = "The wallet inside the account, e.g. unified or funding."
MARKET = "The market's unified name, e.g. BTC/USDT or BTC/USDT:USDT."
