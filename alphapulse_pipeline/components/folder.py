"""Loads the deployment's folder. A file with a mistake is left out and shown; the rest runs."""

import glob
import sys
import warnings
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

import dagster as dg

from alphapulse_pipeline.components.not_loaded import not_loaded
from alphapulse_pipeline.sync.deployment import usable_deployment

_PACKAGE = "alphapulse_deployment"


def as_package(folder: Path) -> ModuleType:
    """The folder as a package, wherever it is: its modules are `alphapulse_deployment...`."""
    package = ModuleType(_PACKAGE)
    package.__file__ = None
    package.__path__ = [str(folder)]
    sys.modules[_PACKAGE] = package
    return package


def load_folder(package: ModuleType) -> dg.Definitions:
    """All definitions in a package's folder: component files, and Dagster's own in modules."""
    folder = Path(package.__path__[0])
    broken = usable_deployment(folder).broken
    with _left_out(broken), warnings.catch_warnings():
        # for whoever writes a component: `dg.load_from_defs_folder` is silent as well
        for category in (dg.BetaWarning, dg.PreviewWarning):
            warnings.simplefilter("ignore", category)
        loaded = dg.ComponentTree.from_module(package, folder.parent).build_defs()
    return dg.Definitions.merge(loaded, not_loaded(folder, broken)) if broken else loaded


@contextmanager
def _left_out(folders: Collection[str]) -> Iterator[None]:
    """Let Dagster's loader ignore these folders, as it ignores `__pycache__`.

    It parses every file before it loads the first, and has no setting to leave one out.
    """
    if not folders:
        yield
        return
    from dagster.components.core.defs_module import EXPLICITLY_IGNORED_GLOB_PATTERNS as ignored

    before = list(ignored)
    ignored += map(glob.escape, folders)
    try:
        yield
    finally:
        ignored[:] = before
