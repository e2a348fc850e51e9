"""Imports one exchange of ccxt without the hundred others.

`import ccxt.async_support` imports every exchange: 3 to 5 seconds and 118 MB in each run. With
stand-ins for the two parent packages, one exchange's module imports in under a second. ccxt does
not support this officially, so the full import is the fallback.
"""

import importlib
import importlib.metadata
import logging
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

logger = logging.getLogger(__name__)

_PACKAGES = ("ccxt", "ccxt.async_support")
_BASE_MODULES = (
    "ccxt.base.errors",
    "ccxt.base.decimal_to_precision",
    "ccxt.base.precise",
    "ccxt.base.exchange",
)


def exchange_class(exchange_id: str) -> type[Any]:
    """ccxt's async class of `exchange_id`.

    Raises `ImportError` if the installed ccxt has no such exchange.
    """
    try:
        with_stand_ins()
        module = importlib.import_module(f"ccxt.async_support.{exchange_id}")
    except (ImportError, AttributeError) as error:
        logger.info("importing all of ccxt for %s: %s", exchange_id, error)
        _remove_stand_ins()
        importlib.import_module("ccxt.async_support")
        module = importlib.import_module(f"ccxt.async_support.{exchange_id}")
    found: type[Any] = getattr(module, exchange_id)
    return found


def with_stand_ins() -> None:
    """Install empty parent packages, unless ccxt has already been imported."""
    if "ccxt" in sys.modules:
        return
    root = Path(str(importlib.metadata.distribution("ccxt").locate_file("ccxt")))
    for name in _PACKAGES:
        package = _StandIn(name)
        package.__path__ = [str(root.joinpath(*name.split(".")[1:]))]
        sys.modules[name] = package


def _remove_stand_ins() -> None:
    # Only the packages: ccxt.base stays, since its error classes must keep their identity.
    for name in _PACKAGES:
        if isinstance(sys.modules.get(name), _StandIn):
            del sys.modules[name]


class _StandIn(ModuleType):
    """An empty package that resolves the base names which ccxt's modules import from it."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        for base in _BASE_MODULES:
            module = importlib.import_module(base)
            if hasattr(module, name):
                return getattr(module, name)
        raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
