"""AlphaPulse Pipeline: exchange accounts in PostgreSQL, with lineage and proof in Dagster."""
