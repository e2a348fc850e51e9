"""The documents, their fenced blocks and their links."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
_FENCE = re.compile(
    r"^(?P<indent> *)```(?: *\{ *\.)?(?P<language>\w*)(?P<attributes>[^\n]*)\n"
    r"(?P<body>.*?)^(?P=indent)```$",
    re.MULTILINE | re.DOTALL,
)
_MARK = re.compile(r"<!-- (not run|run): (.+?) -->\s*\Z")


@dataclass(frozen=True)
class Fence:
    """A fenced block, and the remark before it."""

    page: Path
    line: int
    language: str
    title: str
    body: str
    not_run: str
    """Why the tests do not run it; empty if they do."""
    run_as: str

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def pages() -> list[Path]:
    """Everything that a person reads, without the generated pages."""
    generated = {"cli.md", "tables.md", "exchanges.md", "reliability.md"}
    found = [*ROOT.glob("*.md"), *ROOT.glob("examples/*.md"), *ROOT.glob("docs/**/*.md")]
    return sorted(path for path in found if path.name not in generated)


def fences(page: Path) -> Iterator[Fence]:
    text = page.read_text()
    for found in _FENCE.finditer(text):
        mark = _MARK.search(text[: found.start()])
        title = re.search(r'title="([^"]+)"', found["attributes"])
        yield Fence(
            page,
            text.count("\n", 0, found.start()) + 1,
            found["language"],
            title[1] if title else "",
            re.sub(rf"^{found['indent']}", "", found["body"], flags=re.MULTILINE),
            mark[2] if mark and mark[1] == "not run" else "",
            mark[2] if mark and mark[1] == "run" else "",
        )
