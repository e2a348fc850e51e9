"""The recipes of CONTRIBUTING.md as changes of files.

A fenced block with a title is a complete file, or, in `diff`, a change of one: its unmarked and
`-` lines are found exactly once in the file, and replaced by its unmarked and `+` lines.
"""

import re
from dataclasses import dataclass
from pathlib import Path

CONTRIBUTING = Path(__file__).parents[2] / "CONTRIBUTING.md"
_BLOCK = re.compile(
    r'^(?P<indent> *)```(?P<language>\w+) title="(?P<title>[^"]+)"\n(?P<body>.*?)^(?P=indent)```$',
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True)
class Block:
    language: str
    file: str
    body: str

    def apply(self, root: Path) -> None:
        """Write or change the file below `root`. Raises `ValueError` if the place is not found."""
        path = root / self.file
        if self.language != "diff":
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(self.body)
            return
        lines = self.body.splitlines()
        before = "".join(f"{line[1:]}\n" for line in lines if line[:1] != "+")
        after = "".join(f"{line[1:]}\n" for line in lines if line[:1] != "-")
        text = path.read_text()
        if text.count(before) != 1:
            raise ValueError(f"{self.file} has this {text.count(before)} times:\n{before}")
        path.write_text(text.replace(before, after))


def recipe(heading: str) -> list[Block]:
    """The blocks of the section `heading`, in their order."""
    _, _, rest = CONTRIBUTING.read_text().partition(f"\n## {heading}\n")
    section = rest.partition("\n## ")[0]
    return [
        Block(found["language"], found["title"], _dedented(found))
        for found in _BLOCK.finditer(section)
    ]


def _dedented(found: re.Match[str]) -> str:
    # by the fence's own indent: a diff's unmarked lines begin with a space
    return re.sub(rf"^{found['indent']}", "", found["body"], flags=re.MULTILINE)


def follow(heading: str, root: Path) -> None:
    """Do what the recipe says, in the project at `root`."""
    for block in recipe(heading):
        block.apply(root)
