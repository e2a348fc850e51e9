"""How messages show a path."""

from pathlib import Path


def shown(path: Path) -> str:
    """`path`, relative to the working directory if it is below it."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)
