"""The `alphapulse` command."""

from alphapulse_pipeline.cli.app import main

__all__ = ["main"]
