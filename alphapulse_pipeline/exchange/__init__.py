"""All that talks to exchanges, through ccxt. It knows neither Dagster nor the database."""

from alphapulse_pipeline.exchange.lean_import import with_stand_ins

with_stand_ins()  # before anything of ccxt is imported
