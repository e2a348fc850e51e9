"""A Dagster project of your own."""
