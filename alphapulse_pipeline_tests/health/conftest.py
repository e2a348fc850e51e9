"""Dagster on the test's own PostgreSQL."""

from alphapulse_pipeline_tests.components.conftest import instance

__all__ = ["instance"]
