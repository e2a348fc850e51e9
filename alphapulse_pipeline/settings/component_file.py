"""Component files, `defs/<folder>/defs.yaml`: every mistake is one line with file, line and field.

Dagster reads the same files through its components. They are also read here so that commands know
what is deployed without loading Dagster.
"""

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from alphapulse_pipeline.settings.errors import FieldError, SettingsError
from alphapulse_pipeline.settings.paths import shown

Model = TypeVar("Model", bound=BaseModel)

ACCOUNT = "alphapulse_pipeline.components.ExchangeAccount"
PORTFOLIO = "alphapulse_pipeline.components.Portfolio"
SHARED = "alphapulse_pipeline.components.SharedDefinitions"
_KINDS = (ACCOUNT, PORTFOLIO, SHARED)
_OURS = ACCOUNT.partition(".")[0] + "."
FILE = "defs.yaml"
_FIELDS = ("type", "attributes", "requirements", "post_processing", "template_vars_module")
"""Of a component file, as Dagster documents it."""


def component_files(folder: Path) -> list[Path]:
    """The `defs.yaml` of every folder under `folder` that has one, or should have one.

    Includes custom components. Folders with only Python files or nested folders are left out.
    """
    return [
        path / FILE
        for path in sorted(folder.iterdir())
        if path.is_dir() and not path.name.startswith((".", "__")) and _has_or_needs_a_file(path)
    ]


def _has_or_needs_a_file(folder: Path) -> bool:
    if (folder / FILE).exists() or (folder / FILE).is_symlink() or not any(folder.iterdir()):
        return True
    try:
        return _misnamed(folder) is not None
    except SettingsError:
        return True  # `read` raises it again


def _misnamed(folder: Path) -> Path | None:
    """A file with one of our components whose name is not `defs.yaml`."""
    for path in sorted(folder.glob("*.y*ml")):
        if path.name != FILE and any(kind.encode() in _bytes(path) for kind in _KINDS):
            return path
    return None


@dataclass(frozen=True)
class ComponentFile:
    """A parsed component file."""

    path: Path
    kind: str
    """The component's type: one of ours or a custom one."""
    content: dict[str, Any]
    root: yaml.Node | None
    """The parse tree, for line numbers."""

    def attributes(self, model: type[Model]) -> Model:
        """The file's `attributes`, validated. Raises `SettingsError`."""
        try:
            return model.model_validate(self.content.get("attributes") or {})
        except ValidationError as error:
            first = error.errors()[0]
            field = ("attributes", *(str(part) for part in first["loc"]))
            problem, fix = explained(dict(first), tuple(model.model_fields))
            raise SettingsError(f"{self.place(*field)}: {problem}", fix) from error

    def place(self, *field: str) -> str:
        """Where a field is, for messages: file, line and field."""
        return f"{shown(self.path)}:{_line(self.root, field)}: {'.'.join(field)}"


class _Loader(yaml.SafeLoader):
    """Leaves dates as text: PyYAML would raise a bare ValueError for the 13th month."""


_Loader.add_constructor("tag:yaml.org,2002:timestamp", lambda _, node: str(node.value))


def read(path: Path) -> ComponentFile:
    """Parse one file. Raises `SettingsError` with file, line and field."""
    name = shown(path)
    if other := _misnamed(path.parent):
        raise SettingsError(
            f"{shown(other)}: Dagster does not read a file of this name", f"rename it to {FILE}"
        )
    if not path.exists():
        raise SettingsError(f"{name}: missing", "add the file, or remove its folder")
    try:
        text = _bytes(path).decode()
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        content = yaml.load(text, Loader=_Loader)  # noqa: S506  a SafeLoader
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        cron = re.search(r":\s+(\*.*)", "".join(text.splitlines()[line - 1 : line]))
        fix = f'write it in quotes: "{cron[1].strip()}"' if cron else "correct this line"
        raise SettingsError(f"{name}:{line}: not valid YAML: {error.problem}", fix) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise SettingsError(f"{name}:1: not UTF-8 text", "save the file as UTF-8") from error
    except RecursionError:
        raise SettingsError(
            f"{name}:1: not valid YAML: nested too deeply", "remove the nested brackets"
        ) from None
    except ValueError as error:  # a number of thousands of digits
        raise SettingsError(f"{name}:1: not valid YAML: {error}", "shorten the number") from error
    if not isinstance(content, dict) or "type" not in content:
        raise SettingsError(f"{name}:1: type: missing", f"add `type: {ACCOUNT}`")
    kind = str(content["type"])
    ours = kind.startswith(_OURS)
    if ours and kind not in _KINDS:
        raise SettingsError(
            f"{name}:{_line(root, ('type',))}: type: no component {kind!r}",
            did_you_mean(kind, _KINDS),
        )
    for field in content if ours else ():
        if field not in _FIELDS:
            raise SettingsError(
                f"{name}:{_line(root, (str(field),))}: {field}: unknown field",
                did_you_mean(str(field), _FIELDS),
            )
    for event in yaml.parse(text, Loader=yaml.SafeLoader) if ours else ():
        line = event.start_mark.line + 1 if event.start_mark else 1
        if isinstance(event, yaml.AliasEvent):  # a few nested aliases are enough to fill the memory
            raise SettingsError(
                f"{name}:{line}: *{event.anchor}: aliases are not supported", "write the value out"
            )
        if isinstance(event, yaml.ScalarEvent) and "{{" in event.value:
            # Dagster would store what a template becomes, such as a secret of the environment
            raise SettingsError(
                f"{name}:{line}: templates are not supported", "write the value out"
            )
    return ComponentFile(path, kind, content, root)


def did_you_mean(word: str, known: Sequence[str]) -> str:
    """A fix for an unknown `word`: the nearest known one, or a list of them."""
    if close := difflib.get_close_matches(word, known, n=1):
        return f"did you mean {close[0]!r}?"
    return f"use one of {', '.join(known[:12])}{', ...' if len(known) > 12 else ''}"


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise SettingsError(
            f"{shown(path)} cannot be read: {error.strerror}",
            f"make it a readable file: chmod 644 {shown(path)}",
        ) from None


def explained(error: dict[str, Any], fields: Sequence[str]) -> tuple[str, str]:
    """The problem and the fix of one of pydantic's errors, of a model with these fields."""
    cause = error.get("ctx", {}).get("error")
    if isinstance(cause, FieldError):
        return cause.problem, cause.fix
    match error["type"]:
        case "extra_forbidden":
            return "unknown field", did_you_mean(str(error["loc"][-1]), fields)
        case "missing":
            return "missing", "add it to the file"
        case "too_short":
            return "the list is empty", "name at least one, or remove the field for its default"
        case kind if kind.startswith("date_"):
            return str(error["msg"]), "write a day as 2026-01-31"
        case _:
            return str(error["msg"]), "correct the value"


def _line(node: yaml.Node | None, field: tuple[str, ...]) -> int:
    """The line of `field`, or of its nearest parent in the file."""
    line = 1
    for part in field:
        if not isinstance(node, yaml.MappingNode):
            break
        for key, value in node.value:
            if key.value == part:
                line, node = key.start_mark.line + 1, value
                break
        else:
            break
    return line
