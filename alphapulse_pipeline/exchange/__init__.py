"""Talks to exchanges, through ccxt. Independent of Dagster and the database."""

from alphapulse_pipeline.exchange.lean_import import with_stand_ins

with_stand_ins()  # before anything imports ccxt
