"""The recipes of CONTRIBUTING.md as changes of files.

A fenced block with a title is a complete file or, in `diff`, a change of one. The places of a
change are separated by `@@`: the unmarked and `-` lines of each are found exactly once in the file,
and replaced by its unmarked and `+` lines.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

CONTRIBUTING = Path(__file__).parents[2] / "CONTRIBUTING.md"
_BLOCK = re.compile(r'^```(\w+) title="([^"]+)"\n(.*?)^```$', re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    language: str
    file: str
    body: str

    def apply(self, root: Path) -> None:
        """Write or change the file below `root`. Raises `ValueError` if it is not as expected."""
        path = root / self.file
        if self.language != "diff":
            if path.exists():
                raise ValueError(f"{self.file} exists already")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(self.body)
            return
        text = path.read_text()
        for place in self.body.split("@@\n"):
            text = self._changed(text, place.splitlines())
        path.write_text(text)

    def _changed(self, text: str, place: list[str]) -> str:
        before = "".join(f"{line[1:]}\n" for line in place if line[:1] != "+")
        after = "".join(f"{line[1:]}\n" for line in place if line[:1] != "-")
        if text.count(before) != 1:
            raise ValueError(f"{self.file} has this {text.count(before)} times:\n{before}")
        return text.replace(before, after)


def recipe(heading: str) -> Iterator[Block]:
    """The blocks of the section `heading`, in their order."""
    _, _, rest = CONTRIBUTING.read_text().partition(f"\n### {heading}\n")
    section = re.split(r"^##+ ", rest, maxsplit=1, flags=re.MULTILINE)[0]
    for language, file, body in _BLOCK.findall(section):
        yield Block(language, file, body)


def follow(heading: str, root: Path, *, leave_out: str = "") -> list[str]:
    """Do what the recipe says in the project at `root`; the files written or changed.

    Blocks whose file name contains `leave_out` are skipped.
    """
    blocks = [b for b in recipe(heading) if not leave_out or leave_out not in b.file]
    for block in blocks:
        block.apply(root)
    return [block.file for block in blocks]
