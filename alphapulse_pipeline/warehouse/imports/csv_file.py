"""Reads CSV files: `,` or `;` as delimiter, quoted or not, with or without a BOM."""

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from alphapulse_pipeline.settings.errors import SettingsError


class BadFile(SettingsError):
    """A file that cannot be imported. The problem begins with `file:line:column`."""


@dataclass(frozen=True, slots=True)
class Line:
    """One row of the file. `number` is the line it starts on, counted from 1."""

    number: int
    cells: dict[str, str]


@dataclass(frozen=True)
class CsvFile:
    """An open file: its header, and its rows, which can be read once."""

    path: Path
    header: list[str]
    lines: Iterator[Line]

    def bad(self, line: int, column: str | None, problem: str, fix: str) -> BadFile:
        """An error at the cell of `column`, a name in the header; None: at the line's start."""
        number = self.header.index(column) + 1 if column in self.header else 1
        label = f"{column}: " if column else ""
        return BadFile(f"{self.path}:{line}:{number}: {label}{problem}", fix)


@contextmanager
def open_csv(path: Path) -> Iterator[CsvFile]:
    """Open a file and read its header. Raises `BadFile`, also while its rows are read."""
    try:
        opened = path.open(encoding="utf-8-sig", newline="")
    except OSError as error:
        raise BadFile(f"{path}: {error.strerror}", "check the path and its permissions") from None
    try:
        with opened as text:
            first = text.readline()
            text.seek(0)
            delimiter = max(",;", key=first.count)
            rows = csv.reader(text, delimiter=delimiter, strict=True)
            try:
                header = [name.strip() for name in next(rows, [])]
                if not any(header):
                    raise BadFile(
                        f"{path}:1:1: the file has no header",
                        "name the columns in the first line",
                    )
                if duplicates := [name for name in header if header.count(name) > 1]:
                    raise BadFile(
                        f"{path}:1:{header.index(duplicates[0]) + 1}: duplicate column "
                        f"{duplicates[0]!r}",
                        "give each column a name of its own",
                    )
                yield CsvFile(path, header, _lines(path, header, rows))
            except csv.Error as error:
                raise BadFile(
                    f"{path}:{rows.line_num}:1: invalid CSV: {error}", "save the file as CSV UTF-8"
                ) from None
    except UnicodeDecodeError:
        raise BadFile(f"{path}:1:1: the file is not UTF-8", "save it as CSV UTF-8") from None


def _lines(path: Path, header: list[str], rows: Iterator[list[str]]) -> Iterator[Line]:
    number = _line_of(rows) + 1
    for cells in rows:
        if any(cells):
            if len(cells) != len(header):
                raise BadFile(
                    f"{path}:{number}:{min(len(cells), len(header)) + 1}: the row has "
                    f"{len(cells)} cells, the header has {len(header)}",
                    "quote cells that contain the delimiter",
                )
            texts = [cell.strip() for cell in cells]
            yield Line(number, dict(zip(header, texts, strict=True)))
        number = _line_of(rows) + 1


def _line_of(rows: Iterator[list[str]]) -> int:
    """Number of lines that a csv reader has read; a row may span several."""
    return int(getattr(rows, "line_num"))  # noqa: B009  the reader's type is not public
