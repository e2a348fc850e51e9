"""A CSV file as people and exchanges write it: `,` or `;`, quoted or not, with or without a BOM."""

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from alphapulse_pipeline.settings.errors import SettingsError


class BadFile(SettingsError):
    """A file that cannot be imported: one sentence that begins with `file:line:column`."""


@dataclass(frozen=True, slots=True)
class Line:
    """One row of the file. `number`: the line on which it begins, from 1."""

    number: int
    cells: dict[str, str]


@dataclass(frozen=True)
class CsvFile:
    """An open file: its header and, once, its rows."""

    path: Path
    header: list[str]
    lines: Iterator[Line]

    def bad(self, line: int, column: str | None, reason: str) -> BadFile:
        """The error of one cell. `column` is a name of the header; None is the line's beginning."""
        number = self.header.index(column) + 1 if column in self.header else 1
        return BadFile(f"{self.path}:{line}:{number}: {f'{column}: ' if column else ''}{reason}")


@contextmanager
def open_csv(path: Path) -> Iterator[CsvFile]:
    """The file, its header read. Raises `BadFile`, also while its lines are read."""
    try:
        opened = path.open(encoding="utf-8-sig", newline="")
    except OSError as error:
        raise BadFile(f"{path}: {error.strerror}") from None
    try:
        with opened as text:
            first = text.readline()
            text.seek(0)
            delimiter = max(",;", key=first.count)
            rows = csv.reader(text, delimiter=delimiter, strict=True)
            header = [name.strip() for name in next(rows, [])]
            if not any(header):
                raise BadFile(f"{path}:1:1: the file has no header")
            if twice := [name for name in header if header.count(name) > 1]:
                raise BadFile(
                    f"{path}:1:{header.index(twice[0]) + 1}: the column {twice[0]!r} is there twice"
                )
            try:
                yield CsvFile(path, header, _lines(path, header, rows))
            except csv.Error as error:
                raise BadFile(f"{path}:{rows.line_num}:1: this is no CSV: {error}") from None
    except UnicodeDecodeError:
        raise BadFile(f"{path}:1:1: this is no UTF-8 text: save it as CSV UTF-8") from None


def _lines(path: Path, header: list[str], rows: Iterator[list[str]]) -> Iterator[Line]:
    number = _line_of(rows) + 1
    for cells in rows:
        if any(cells):
            if len(cells) != len(header):
                raise BadFile(
                    f"{path}:{number}:{min(len(cells), len(header)) + 1}: the row has "
                    f"{len(cells)} cells, the header has {len(header)}"
                )
            texts = [cell.strip() for cell in cells]
            yield Line(number, dict(zip(header, texts, strict=True)))
        number = _line_of(rows) + 1


def _line_of(rows: Iterator[list[str]]) -> int:
    """How many lines a csv reader has read: a row may go over several."""
    return int(getattr(rows, "line_num"))  # noqa: B009  its type has no name
