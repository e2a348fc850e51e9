"""Changes to `.env`: all other lines stay as they are, and only its owner can read the file."""

import os
import re
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from io import StringIO
from pathlib import Path

from dotenv.parser import Binding, parse_stream

from alphapulse_pipeline.settings.environment import dotenv_path
from alphapulse_pipeline.settings.errors import SettingsError
from alphapulse_pipeline.settings.paths import shown

_PLAIN = re.compile(r"[\w+/=.:@-]+\Z", re.ASCII)


def add(values: Mapping[str, str]) -> None:
    """Append variables. Raises `SettingsError` if the file cannot be written."""

    def changed(text: str) -> str:
        before = text if not text or text.endswith("\n") else f"{text}\n"
        return before + "".join(f"{name}={_quoted(value)}\n" for name, value in values.items())

    _rewrite(changed)


@contextmanager
def renamed(names: Mapping[str, str]) -> Iterator[None]:
    """Rename variables; back again if the context ends with an error. Raises `SettingsError`."""
    _rename(names)
    try:
        yield
    except BaseException:
        _rename({new: old for old, new in names.items()})
        raise


def _rename(names: Mapping[str, str]) -> None:
    def line(binding: Binding) -> str:
        text = binding.original.string
        return re.sub(rf"\b{binding.key}\b", names[str(binding.key)], text, count=1)

    _replace(names, line)


def remove(names: Iterable[str]) -> list[str]:
    """Remove variables; returns those that were found. Raises `SettingsError`."""
    return _replace(names, lambda _: "")


def _replace(names: Iterable[str], line: Callable[[Binding], str]) -> list[str]:
    wanted, found = set(names), list[str]()

    def changed(text: str) -> str:
        parts = []
        for binding in parse_stream(StringIO(text)):
            if binding.key in wanted:
                found.append(str(binding.key))
                parts.append(line(binding))
            else:
                parts.append(binding.original.string)
        return "".join(parts)

    if dotenv_path().is_file():
        _rewrite(changed)
    return found


def _quoted(value: str) -> str:
    if _PLAIN.match(value):
        return value
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _rewrite(changed: Callable[[str], str]) -> None:
    """Replace the file as a whole: whoever reads it finds the old or the new one."""
    path = Path(os.path.realpath(dotenv_path()))
    try:
        before = path.read_text(encoding="utf-8") if path.exists() else ""
        after = changed(before)
        if after == before:
            return
        # created with mode 0600
        with tempfile.NamedTemporaryFile(
            "w", encoding="utf-8", dir=path.parent, prefix=".env.", delete=False
        ) as new:
            new.write(after)
        Path(new.name).replace(path)
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"{shown(path)} cannot be changed: {error}", "make it a text file that you can write"
        ) from None
