"""A component's file, `defs/<folder>/defs.yaml`: a mistake in it is one line: file, line and field.

Dagster reads the same files through its components. They are read here too, so that commands know
what is deployed without loading Dagster.
"""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from alphapulse_pipeline.settings.errors import SettingsError

Model = TypeVar("Model", bound=BaseModel)

ACCOUNT = "alphapulse_pipeline.components.ExchangeAccount"
PORTFOLIO = "alphapulse_pipeline.components.Portfolio"
_OURS = ACCOUNT.partition(".")[0] + "."
DEFS = Path(__file__).parents[1] / "defs"


def component_files(folder: Path = DEFS) -> list[Path]:
    """The files of all folders under `folder`, some of which may be somebody's own components.

    Raises `SettingsError` where a component of ours stands in a file that nobody reads.
    """
    for path in sorted(folder.glob("*/*.y*ml")):
        if path.name != "defs.yaml" and any(
            kind.encode() in path.read_bytes() for kind in (ACCOUNT, PORTFOLIO)
        ):
            raise SettingsError(f"{shown(path)}: nobody reads this file: call it defs.yaml")
    return sorted(folder.glob("*/defs.yaml"))


@dataclass(frozen=True)
class ComponentFile:
    """What a file says, and where in it."""

    path: Path
    kind: str
    """The component's name: one of ours, or somebody's own."""
    content: dict[str, Any]
    root: yaml.Node | None

    def attributes(self, model: type[Model]) -> Model:
        """The file's `attributes` as `model` wants them. Raises `SettingsError`."""
        try:
            return model.model_validate(self.content.get("attributes") or {})
        except ValidationError as error:
            first = error.errors()[0]
            where = ("attributes", *(str(part) for part in first["loc"]))
            told = _sentence(dict(first), tuple(model.model_fields))
            line = _line(self.root, where)
            raise SettingsError(f"{shown(self.path)}:{line}: {'.'.join(where)}: {told}") from error


class _Loader(yaml.SafeLoader):
    """Leaves days as text: PyYAML would raise a bare ValueError for the 13th month."""


_Loader.add_constructor("tag:yaml.org,2002:timestamp", lambda _, node: str(node.value))


def read(path: Path) -> ComponentFile:
    """One file. Raises `SettingsError`: file, line, field, mend."""
    name = shown(path)
    try:
        text = path.read_text(encoding="utf-8")
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        content = yaml.load(text, Loader=_Loader)  # noqa: S506  a SafeLoader
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise SettingsError(f"{name}:{line}: not valid YAML: {error.problem}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise SettingsError(f"{name}:1: not valid YAML: it is no UTF-8 text") from error
    except RecursionError:
        raise SettingsError(f"{name}:1: not valid YAML: it is nested too deeply") from None
    except ValueError as error:  # a number of thousands of digits
        raise SettingsError(f"{name}:1: not valid YAML: {error}") from error
    if not isinstance(content, dict) or "type" not in content:
        raise SettingsError(f"{name}:1: type: missing: add `type: {ACCOUNT}`")
    kind = str(content["type"])
    ours = kind.startswith(_OURS)
    if ours and kind not in (ACCOUNT, PORTFOLIO):
        hint = did_you_mean(kind, (ACCOUNT, PORTFOLIO))
        raise SettingsError(f"{name}:{_line(root, ('type',))}: type: no component {kind!r}{hint}")
    for event in yaml.parse(text, Loader=yaml.SafeLoader) if ours else ():
        if isinstance(event, yaml.AliasEvent):  # a few of them are enough to fill the memory
            line = event.start_mark.line + 1 if event.start_mark else 1
            raise SettingsError(f"{name}:{line}: *{event.anchor}: write it out, without aliases")
    return ComponentFile(path, kind, content, root)


def shown(path: Path) -> str:
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def did_you_mean(word: str, known: Sequence[str]) -> str:
    close = difflib.get_close_matches(word, known, n=1)
    return f"; did you mean {close[0]!r}?" if close else f"; known: {', '.join(known[:12])}"


def _sentence(error: dict[str, Any], fields: Sequence[str]) -> str:
    match error["type"]:
        case "extra_forbidden":
            return f"unknown field{did_you_mean(str(error['loc'][-1]), fields)}"
        case "missing":
            return "missing: add it to the file"
        case kind if kind.startswith("date_"):
            return f"{error['msg']}: write a day as 2026-01-31"
        case _:
            return str(error["msg"]).removeprefix("Value error, ")


def _line(node: yaml.Node | None, where: tuple[str, ...]) -> int:
    """The line of the field `where`, or of the nearest part of it that stands in the file."""
    line = 1
    for part in where:
        if not isinstance(node, yaml.MappingNode):
            break
        for key, value in node.value:
            if key.value == part:
                line, node = key.start_mark.line + 1, value
                break
        else:
            break
    return line
